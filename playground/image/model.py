"""What a scenes model is made of: plain `diffusers` and `transformers` classes, at full size or tiny, and their folder.

Knows shapes and file layouts, not data or training.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel
from tokenizers import pre_tokenizers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from playground.image.details import SIGNS
from playground.image.phrases import meanings

SIZE = 128  # px of a picture
LATENT_CHANNELS, LATENT_SIZE = 8, 16  # 8 × 16 × 16 from 3 × 128 × 128
LENGTH = 48  # tokens of a prompt with its details and its first and last mark; prompts are padded to it
WIDTH = 192  # of the text encoder
START, END, WORD_END = "<|startoftext|>", "<|endoftext|>", "</w>"
SHARD = "9MB"  # git and hubs like files below 10 MB
STEPS, GUIDANCE = 12, 3.0  # of previews


def make_tokenizer() -> CLIPTokenizer:
    """A byte-pair encoding in which every word of the world and every sign is one token, and any other text is several.

    Merges are laid down word by word instead of by frequency: an encoding that any process makes alike.
    """
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [START, END, *letters, *(letter + WORD_END for letter in letters)]
    pre = CLIPTokenizer(vocab={START: 0, END: 1}, merges=[]).backend_tokenizer.pre_tokenizer
    texts = (" ".join(phrase) for phrase in (*meanings(), *SIGNS.values()))
    words = {word for text in texts for word, _ in pre.pre_tokenize_str(text)}
    ranks: dict[tuple[str, str], int] = {}
    for word in sorted(words, key=lambda word: (len(word), word)):
        while len(pieces := _merge([*word[:-1], word[-1] + WORD_END], ranks)) > 1:
            ranks[pieces[0], pieces[1]] = len(ranks)
    tokens += [first + second for first, second in ranks]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    return CLIPTokenizer(vocab=vocabulary, merges=list(ranks), model_max_length=LENGTH)


def _merge(pieces: list[str], ranks: dict[tuple[str, str], int]) -> list[str]:
    """`pieces` after all merges that apply, the earliest first, as byte-pair encodings do it."""
    while True:
        pairs = [pair for pair in zip(pieces, pieces[1:], strict=False) if pair in ranks]
        if not pairs:
            return pieces
        best, merged = min(pairs, key=ranks.__getitem__), []
        for piece in pieces:
            if merged and (merged[-1], piece) == best:
                merged[-1] += piece
            else:
                merged.append(piece)
        pieces = merged


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    """(B, LENGTH) int64 token ids, cut and padded as pipelines do."""
    return tokenizer(texts, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt").input_ids


def make_text_encoder(tokens: int, *, tiny: bool = False) -> CLIPTextModel:
    """Two causal layers; `tokens` is the size of the vocabulary."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=tokens,
            hidden_size=32 if tiny else WIDTH,
            intermediate_size=64 if tiny else 4 * WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=LENGTH,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    )


def make_autoencoder(*, tiny: bool = False) -> AutoencoderTiny:
    """Pixels of −1 … 1 → latents an eighth as wide, and back; 3.1 M parameters."""
    return AutoencoderTiny(
        encoder_block_out_channels=(16 if tiny else 64,) * 4,
        decoder_block_out_channels=(16 if tiny else 64,) * 4,
        num_encoder_blocks=(0, 0, 0, 1) if tiny else (0, 1, 4, 8),
        num_decoder_blocks=(1, 0, 0, 0) if tiny else (8, 4, 1, 0),
        latent_channels=LATENT_CHANNELS,
    )


def make_unet(*, tiny: bool = False) -> UNet2DConditionModel:
    """Predicts v from noisy latents, a time step and the text's hidden states.

    Words act in two ways: pooled, on every layer (`addition_embed_type="text"`), and each by itself through
    cross-attention at 8 × 8 and at 4 × 4. `attention_head_dim` is, in diffusers, the number of heads.
    """
    return UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(16, 16, 32) if tiny else (64, 128, 256),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=32 if tiny else WIDTH,
        attention_head_dim=2 if tiny else 4,
        norm_num_groups=8 if tiny else 16,
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )


def make_scheduler() -> DPMSolverMultistepScheduler:
    """DPM-Solver++ 2M (Lu et al. 2022) on a cosine schedule with v-prediction; other solvers take its settings over.

    `lambda_min_clipped` keeps the first step away from pure noise, where the cosine schedule has no signal at all.
    """
    scheduler = DPMSolverMultistepScheduler(
        num_train_timesteps=1000,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        lambda_min_clipped=-5.1,
        steps_offset=1,
    )
    # for DDIM, which takes the settings over and else clips latents as if they were pixels
    return DPMSolverMultistepScheduler.from_config({**scheduler.config, "clip_sample": False})


def make_pipeline(
    vae: AutoencoderTiny, text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer, unet: UNet2DConditionModel
) -> StableDiffusionPipeline:
    """The parts as a stock pipeline."""
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=make_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def save_pipeline(pipeline: StableDiffusionPipeline, folder: Path) -> None:
    """Write a pipeline in shards that git likes, readable by all.

    Autoencoder and denoiser in float16, which diffusers loads as float32; the small text encoder in float32, because
    transformers loads what it finds, and a pipeline that is opened without a word about types must agree with itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: copy.deepcopy(getattr(pipeline, name)).half() for name in ("vae", "unet")}
    parts = {"tokenizer": pipeline.tokenizer, "text_encoder": pipeline.text_encoder.float(), **halves}
    make_pipeline(**parts).save_pretrained(folder, max_shard_size=SHARD)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # safetensors are saved readable by their owner alone
