"""A Llama of transformers → the file that llama.cpp reads, in half precision, with token ids and no tokenizer.

Needs the package `gguf`.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import torch
from transformers import LlamaForCausalLM

NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
ENDS = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def export(model: LlamaForCausalLM, path: Path) -> None:
    """Write the weights: matrices in float16, norms in float32.

    Raises:
        ValueError: half precision does not hold a matrix exactly, so that it would be another model.
    """
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("none")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue  # llama.cpp takes the embedding where there is no such matrix
        turned = _neighbours(weight, config.head_dim) if name.endswith(("q_proj.weight", "k_proj.weight")) else weight
        writer.add_tensor(renamed(name), _half(name, turned).numpy() if weight.ndim == 2 else weight.float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def renamed(name: str) -> str:
    """A weight's name in transformers → in llama.cpp."""
    stem = name.removesuffix(".weight")
    if stem in ENDS:
        return f"{ENDS[stem]}.weight"
    layer, _, part = stem.removeprefix("model.layers.").partition(".")
    return f"blk.{layer}.{NAMES[part]}.weight"


def _neighbours(weight: torch.Tensor, width: int) -> torch.Tensor:
    """Rotary pairs (i, i + D/2) of every head become neighbours (2i, 2i + 1), as llama.cpp turns them."""
    return weight.unflatten(0, (-1, 2, width // 2)).transpose(1, 2).flatten(0, 2).contiguous()


def _half(name: str, weight: torch.Tensor) -> torch.Tensor:
    half = weight.half()
    if not torch.equal(half.to(weight.dtype), weight):
        raise ValueError(f"Half precision does not hold {name} exactly.")
    return half
