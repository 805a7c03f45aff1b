"""Which files of a repository make a model of a kind: safetensors, and the plain text that describes them.

Never pickle, never code, nothing that is not named here. Looks at names alone: opens nothing and fetches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

WEIGHTS = ".safetensors"


@dataclass(frozen=True)
class Part:
    """What is taken of one folder.

    Attributes:
        folder: within the repository; "" for its root.
        about: a pattern of the files that describe it, which are taken as far as they are there.
        needed: those of them that must be there.
        either: sets of them of which one must be there.
        weights: what the files of its weights are called, without ending, as `from_pretrained` opens them; "" where it
            has none.
    """

    folder: str
    about: str
    needed: tuple[str, ...]
    either: tuple[tuple[str, ...], ...] = ((),)
    weights: str = ""

    def place(self, name: str) -> str:
        """The path of one of its files in the repository."""
        return f"{self.folder}/{name}" if self.folder else name

    def own(self, names: Collection[str]) -> set[str]:
        """Its files, without the folder, among all of a repository."""
        return {path.rpartition("/")[2] for path in names if path.rpartition("/")[0] == self.folder}

    def weights_of(self, own: Collection[str], variant: str) -> list[str]:
        """One file, or an index and all that it is made of; nothing where neither is whole."""
        stem = f"{self.weights}.{variant}" if variant else self.weights
        if stem + WEIGHTS in own:
            return [stem + WEIGHTS]
        index = f"{self.weights}{WEIGHTS}.index.{variant}.json" if variant else f"{self.weights}{WEIGHTS}.index.json"
        pattern = re.compile(rf"{re.escape(stem)}-\d{{5}}-of-(\d{{5}}){re.escape(WEIGHTS)}", re.ASCII)
        for total in sorted({match[1] for match in map(pattern.fullmatch, own) if match}):
            shards = [f"{stem}-{number:05}-of-{total}{WEIGHTS}" for number in range(1, int(total) + 1)]
            if shards and {index, *shards} <= set(own):
                return [index, *shards]
        return []


@dataclass(frozen=True)
class Layout:
    """What is taken of a repository. The first part is its root.

    Attributes:
        variants: of its weights that can be asked for; "" is the usual one, of full precision.
    """

    parts: tuple[Part, ...]
    variants: tuple[str, ...] = ("",)

    @property
    def first(self) -> str:
        """A file that every such repository has."""
        return self.parts[0].needed[0]

    def choose(self, names: Collection[str], variant: str = "") -> tuple[str, ...]:
        """Of all files of a repository those that a model needs, by name; of the weights of each part one set."""
        chosen: set[str] = set(self.weights(names, variant))
        for part in self.parts:
            about = re.compile(part.about, re.ASCII)
            chosen |= {part.place(name) for name in part.own(names) if about.fullmatch(name)}
        return tuple(sorted(chosen))

    def weights(self, names: Collection[str], variant: str = "") -> list[str]:
        """The weights among them, with the indexes of those that are made of several files."""
        return [
            part.place(name)
            for part in self.parts
            if part.weights
            for name in part.weights_of(part.own(names), variant)
        ]

    def lacks(self, names: Collection[str], variant: str = "") -> str:
        """What a model can't do without and the repository doesn't have, as the end of a sentence; "" for nothing."""
        for part in self.parts:
            own = part.own(names)
            if part.weights and not part.weights_of(own, variant):
                whose = f"weights of its {part.folder}" if part.folder else "weights"
                which = f"{whose} in safetensors ({variant})" if variant else f"{whose} in safetensors"
                return f"{which}, and others, such as pickle, are not opened here"
            for wanted in (part.needed, min(part.either, key=lambda either: len(set(either) - own))):
                for name in wanted:
                    if name not in own:
                        return part.place(name)
        return ""

    def found(self, folder: Path) -> Iterator[str]:
        """The files that lie in a folder where the layout has parts, by their paths in it."""
        for part in self.parts:
            place = folder / part.folder
            if place.is_dir():
                yield from (part.place(path.name) for path in place.iterdir() if path.is_file())


_CONFIG = r"config\.json"
_TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"))
LAYOUTS = {  # by kind, as `transformers` and `diffusers` lay them out; other kinds are not taken from the Hub
    "text": Layout(
        (
            Part(
                "",
                r"[A-Za-z0-9][\w.-]*\.json|merges\.txt|vocab\.txt|chat_template\.jinja|tokenizer\.model",
                ("config.json", "tokenizer_config.json"),
                (*_TOKENIZERS, ("tokenizer.model",)),
                "model",
            ),
        )
    ),
    "image": Layout(
        (
            Part("", r"model_index\.json", ("model_index.json",)),
            Part("scheduler", r"scheduler_config\.json", ("scheduler_config.json",)),
            Part(
                "tokenizer",
                r"(tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json|merges\.txt",
                ("tokenizer_config.json",),
                _TOKENIZERS,
            ),
            Part("text_encoder", _CONFIG, ("config.json",), weights="model"),
            Part("unet", _CONFIG, ("config.json",), weights="diffusion_pytorch_model"),
            Part("vae", _CONFIG, ("config.json",), weights="diffusion_pytorch_model"),
        ),
        variants=("", "fp16"),
    ),
}
