"""A tiny but real scenes model: every part of the shipped one at a small size, with random weights.

Its tokenizer is the real one. What it draws is noise, but noise that the prompt, the seed and every knob decide.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import AutoencoderTiny, UNet2DConditionModel

ASKED = {"prompt": "a cat on a beach", "seed": 7, "steps": 3, "size": 64}  # a small picture in few steps


def make_checkpoint(folder: Path, *, seed: int = 0, reads_details: bool = False) -> Path:
    """Write the model as a checkpoint folder, which is named as the model is: `scenes-tiny` usually.

    Args:
        seed: of the weights.
        reads_details: whether prompts are filled in from the seed, as a model wants it that was trained so.

    Returns:
        `folder`.
    """
    import torch

    from playground.image.model import (
        make_autoencoder,
        make_pipeline,
        make_text_encoder,
        make_tokenizer,
        make_unet,
        save_pipeline,
    )
    from playground.registry import write_manifest

    tokenizer = make_tokenizer()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        vae, unet = make_autoencoder(tiny=True), make_unet(tiny=True)
        text_encoder = make_text_encoder(len(tokenizer), tiny=True)
        _spread(vae, unet)
    save_pipeline(make_pipeline(vae, text_encoder, tokenizer, unet), folder)
    write_manifest(
        folder,
        "image",
        summary="A tiny model for tests.",
        licence="apache-2.0",
        parameters=sum(part.num_parameters() for part in (vae, unet, text_encoder)),
        details={"reads_details": reads_details},
    )
    return folder


def _spread(vae: AutoencoderTiny, unet: UNet2DConditionModel) -> None:
    """Make pictures of strong contrast that heed the prompt; weights as they are initialised draw plain grey."""
    import torch

    from playground.image.autoencoder import normalise

    for name, weight in unet.named_parameters():
        if ".attn2.to_out" in name or name.startswith(("conv_out", "add_embedding")):
            weight.data *= 3
    vae.eval()
    normalise(vae, torch.randint(0, 256, (8, 64, 64, 3)).repeat_interleave(2, 1).repeat_interleave(2, 2).byte())
    with torch.no_grad():
        decoded = vae.decode(torch.randn(8, vae.config.latent_channels, 16, 16)).sample
        last = vae.decoder.layers[-1]
        scale = 0.4 / decoded.std(dim=(0, 2, 3))
        last.weight *= scale[:, None, None, None]
        last.bias.copy_((last.bias * 2 - 1 - decoded.mean(dim=(0, 2, 3))) * scale / 2 + 0.5)
