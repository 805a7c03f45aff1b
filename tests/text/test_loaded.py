"""Models of other makes: GPT-2's way of saying where things are, several ends, long contexts, prompts of their own."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Done
from playground.recipes import TextRecipe
from playground.registry import Registry, write_manifest
from playground.text.loaded import MOST_CONTEXT, text_model
from playground.text.prompts import prompt_ids
from tests.chatmodel import chat_tokenizer


def recipe(**values) -> TextRecipe:
    return TextRecipe.make({"model": "m", "prompt": "Hello", **values})


def tiny_llama(tokenizer, **options) -> LlamaForCausalLM:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 16, "num_attention_heads": 1}
    return LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes, **options)).eval()


def test_gpt2_tells_from_a_local_folder(tmp_path):
    tokenizer = chat_tokenizer("")
    tokenizer.bos_token = tokenizer.eos_token = "<|endoftext|>"
    torch.manual_seed(0)
    end = tokenizer.eos_token_id
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=64, n_embd=16, n_layer=1, n_head=1, bos_token_id=end, eos_token_id=end
    )
    model = GPT2LMHeadModel(config)
    folder = tmp_path / "gpt2-like"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_manifest(folder, "text", summary="", licence="mit", parameters=model.num_parameters(), details={})
    engine = Engine(Registry(tmp_path))
    events = list(engine.generate(engine.recipe("text", {"model": "gpt2-like", "prompt": "", "max_new_tokens": 5})))
    assert isinstance(events[-1], Done) and events[-1].prompt_ids == (end,)
    for wrong, said in ({"style": "Grimm"}, "knows no style"), ({"system": "Be brief."}, "takes no system text"):
        with pytest.raises(PlaygroundError, match=said):
            list(engine.generate(engine.recipe("text", {"model": "gpt2-like", **wrong})))
    with pytest.raises(PlaygroundError, match="at most 63"):
        list(engine.generate(engine.recipe("text", {"model": "gpt2-like", "prompt": "x " * 200})))


@pytest.mark.parametrize("ends", [None, 7, [7, 8]])
def test_a_chat_model_ends_where_its_answer_does(ends):
    tokenizer = chat_tokenizer()
    model = tiny_llama(tokenizer)
    model.generation_config.eos_token_id = ends
    loaded = text_model(model, tokenizer, {})
    known = ends if isinstance(ends, list) else [ends] if ends else []
    assert loaded.model.generation_config.eos_token_id == [*known, tokenizer.eos_token_id]


def test_of_a_long_context_a_part_is_used():
    tokenizer = chat_tokenizer()
    assert text_model(tiny_llama(tokenizer, max_position_embeddings=131072), tokenizer).context == MOST_CONTEXT
    assert text_model(tiny_llama(tokenizer, max_position_embeddings=512), tokenizer).context == 512


def test_a_header_is_not_for_a_chat_model():
    tokenizer = chat_tokenizer()
    loaded = text_model(tiny_llama(tokenizer), tokenizer, {})
    with pytest.raises(PlaygroundError, match="The model m knows no style; leave these empty"):
        prompt_ids(loaded, recipe(style="Grimm"))


def test_a_model_without_a_first_token_needs_a_prompt():
    tokenizer = chat_tokenizer()
    tokenizer.eos_token = None
    loaded = text_model(tiny_llama(tokenizer), tokenizer)
    assert prompt_ids(loaded, recipe())
    with pytest.raises(PlaygroundError, match="needs a prompt"):
        prompt_ids(loaded, recipe(prompt=""))
