"""A latent diffusion model opened from a `diffusers` folder, part by part: no pipeline, no pickle, no foreign code.

Takes what Stable Diffusion is made of; what of that family would be drawn wrongly here is refused with a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils.logging import disable_progress_bar

from playground.errors import PlaygroundError, cant_open
from playground.image.forward import Forward
from playground.image.pictures import Preview, cell, fit_preview
from playground.recipes import show
from playground.registry import Manifest

INDEX = "model_index.json"
SCHEDULER = "scheduler/scheduler_config.json"
PARTS = {  # what a model is made of: by subfolder, the classes that are known here, by their names in an index
    "vae": {"AutoencoderTiny": AutoencoderTiny, "AutoencoderKL": AutoencoderKL},
    "text_encoder": {"CLIPTextModel": CLIPTextModel},
    "tokenizer": {"CLIPTokenizer": CLIPTokenizer, "CLIPTokenizerFast": CLIPTokenizer},
    "unet": {"UNet2DConditionModel": UNet2DConditionModel},
}
UNUSED = {"scheduler", "safety_checker", "feature_extractor"}  # parts that an index may name besides
PREDICTIONS = ("epsilon", "v_prediction")  # what a denoiser may tell of a noisy picture
SEATS = 2  # four rows keep two cores nearly as busy as eight, and each seat's thread has buffers of its own
REMEMBERED = 16  # texts, as the text encoder read them
NEEDS = {  # settings by which a denoiser asks for more than latents, a time and a text
    "class_embed_type": (None,),
    "num_class_embeds": (None,),
    "addition_embed_type": (None, "text"),
    "encoder_hid_dim": (None,),
    "time_cond_proj_dim": (None,),
}


@dataclass
class ImageModel:
    """The parts of a model, ready to draw.

    Attributes:
        scheduler: settings of the noise schedule, which every scheduler takes over.
        reads_details: whether it was trained on prompts with `details`.
        forward: what the denoiser tells, sooner than by itself.
        preview: a cheap stand-in for the autoencoder.
        memory: bytes of its weights.
        dtype: what its networks compute in. Between them, all is float32.
        seats: how many runs may be at a step at once.
        states: (L,) token ids → (1, L, D) float32 of the text encoder, which remembers some: negative ones recur.
    """

    vae: AutoencoderTiny | AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    unet: UNet2DConditionModel
    scheduler: dict[str, Any]
    reads_details: bool = False
    forward: Forward = field(init=False, repr=False)
    preview: Preview = field(init=False, repr=False)
    memory: int = field(init=False)
    dtype: str = field(init=False)
    seats: int = field(init=False)
    states: Callable[[tuple[int, ...]], torch.Tensor] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        networks = (self.vae, self.text_encoder, self.unet)
        for network in networks:
            network.eval().requires_grad_(False)
        for network in (self.vae, self.unet):
            network.to(memory_format=torch.channels_last)  # convolutions take half the time
        self.memory = sum(weight.nbytes for network in networks for weight in network.state_dict().values())
        self.dtype = str(self.unet.dtype).removeprefix("torch.")
        self.forward, self.preview = Forward(self.unet), fit_preview(self.vae)
        self.seats = min(SEATS, self.forward.together)
        self.states = lru_cache(REMEMBERED)(partial(_read_ids, self.text_encoder))

    @property
    def size(self) -> int:
        """Width and height of the pictures it was trained on, in pixels."""
        side = self.unet.config.sample_size
        return (side if isinstance(side, int) else side[0]) * cell(self.vae)

    @property
    def length(self) -> int:
        """Tokens of a prompt at most, with its first and last mark."""
        return min(self.tokenizer.model_max_length, self.text_encoder.config.max_position_embeddings)


@torch.inference_mode()
def _read_ids(text_encoder: CLIPTextModel, ids: tuple[int, ...]) -> torch.Tensor:
    return text_encoder(torch.tensor([ids])).last_hidden_state.float()


def load(folder: Path, manifest: Manifest) -> ImageModel:
    """Open a `diffusers` folder of the Stable Diffusion layout; a large model in bfloat16.

    Raises:
        PlaygroundError: a part is missing, damaged, of an unknown class, or doesn't fit the others.
    """
    disable_progress_bar()  # of the weights; stderr is for our own lines
    diffusers_logging.disable_progress_bar()
    diffusers_logging.set_verbosity_error()  # diffusers calls settings unexpected that it wrote itself
    try:
        index = _read(folder, INDEX)
        _check_index(index)
        found = {name: classes[index[name][1]] for name, classes in PARTS.items()}
        dtype, variant = getattr(torch, manifest.dtype), manifest.details.get("variant")
        parts = {name: _open(folder / name, part, dtype, variant) for name, part in found.items()}
        reads_details = manifest.details.get("reads_details") is True
        model = ImageModel(**parts, scheduler=_read(folder, SCHEDULER), reads_details=reads_details)
        _check_fit(model)
        return model
    except Exception as error:  # whatever a strange folder makes of the libraries, the person gets one sentence
        raise cant_open(manifest.name, error) from error


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_bytes())
    except FileNotFoundError as error:
        raise PlaygroundError(f"{name} is missing.") from error
    except (ValueError, RecursionError) as error:
        raise PlaygroundError(f"{name} is not JSON.") from error
    if not isinstance(found, dict):
        raise PlaygroundError(f"{name} is not a JSON object.")
    return found


def _check_index(index: dict[str, Any]) -> None:
    """Nothing is imported because an index says so: it only decides among the classes that are known here."""
    named = {name: value[1] for name, value in index.items() if isinstance(value, list) and len(value) == 2}
    for name, classes in PARTS.items():
        if named.get(name) is None:
            raise PlaygroundError(f"its {INDEX} names no {name}.")
        if named[name] not in classes:
            raise PlaygroundError(f"its {name} is a {show(named[name])}; known here is {' and '.join(classes)}.")
    for name, known in named.items():
        if known is not None and name not in {*PARTS, *UNUSED}:
            raise PlaygroundError(f"it has a part {show(name)}, which nothing here can use.")


def _open(folder: Path, part: type, dtype: torch.dtype, variant: str | None) -> Any:
    """A tokenizer, or a network whose weights are all there.

    Args:
        variant: of its files, where there may be several; None takes what is there.
    """
    if not folder.is_dir():
        raise PlaygroundError(f"its {folder.name} is missing.")
    weights = [path.name for path in folder.glob("*.safetensors")]
    if not weights and part is not CLIPTokenizer:
        raise PlaygroundError(f"its {folder.name} has no weights in safetensors.")
    if variant is None and all(".fp16" in name for name in weights):
        variant = "fp16"
    try:
        if part is CLIPTokenizer:
            return part.from_pretrained(folder, local_files_only=True)
        network, told = part.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            variant=variant or None,
            output_loading_info=True,
            **{"dtype" if part is CLIPTextModel else "torch_dtype": dtype},
        )
    except Exception as error:  # the libraries tell it in many words and with the paths of this machine
        raise PlaygroundError(f"its {folder.name} is damaged or not whole.") from error
    if told["missing_keys"]:
        raise PlaygroundError(f"its {folder.name} lacks the weights {min(told['missing_keys'])}.")
    return network


def _check_fit(model: ImageModel) -> None:
    unet, schedule = model.unet.config, model.scheduler
    for name, values in NEEDS.items():
        if unet.get(name) not in values:
            raise PlaygroundError(f"its unet needs more than a prompt ({name} is {show(unet[name])}).")
    latents = model.vae.config.latent_channels
    if not unet.in_channels == unet.out_channels == latents:
        raise PlaygroundError(
            f"its unet takes {unet.in_channels} channels and gives {unet.out_channels}; its vae has {latents}."
        )
    if unet.cross_attention_dim != (width := model.text_encoder.config.hidden_size):
        raise PlaygroundError(f"its unet reads texts of width {show(unet.cross_attention_dim)}, not {width}.")
    if len(model.tokenizer) > (known := model.text_encoder.config.vocab_size):
        raise PlaygroundError(f"its tokenizer has {len(model.tokenizer):,} tokens, its text encoder {known:,}.")
    if "beta_schedule" not in schedule or schedule.get("prediction_type", "epsilon") not in PREDICTIONS:
        raise PlaygroundError("its noise schedule is not one of Stable Diffusion's.")
