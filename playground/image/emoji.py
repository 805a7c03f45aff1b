"""Emoji of a colour font as sprites: found, cut out, dressed, recoloured, turned; each kept for the next time.

Knows drawings (single emoji) and pixels, not nouns, scenes or captions.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from playground.errors import PlaygroundError
from playground.image.colours import LUMA, TINTS, body, tones
from playground.image.nouns import paint_of, read_heads

FONT_VARIABLE = "PLAYGROUND_EMOJI_FONT"
FONT_NAMES = ("NotoColorEmoji.ttf", "NotoColorEmoji-Regular.ttf")
FONT_FOLDERS = (
    "/usr/share/fonts/truetype/noto",
    "/usr/share/fonts/noto",
    "/usr/share/fonts/noto-emoji",
    "/usr/share/fonts/google-noto-emoji",
    "/usr/share/fonts/google-noto-color-emoji-fonts",
    "/usr/local/share/fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
    "~/.fonts",
    "~/.local/share/fonts",
)
SIDE = 128  # px of an uncut sprite
STRIKE = 109  # the one size that the font's bitmaps have
MARGIN = 3  # px kept free around a drawing of SIDE px
WORN = {"crown": "👑", "hat": "🎩🧢", "glasses": "👓🕶", "bow": "🎀"}


def find_font(path: Path | None = None) -> Path:
    """The emoji font: `path`, else the file that PLAYGROUND_EMOJI_FONT names, else the system's.

    Raises:
        PlaygroundError: there is none; says how to get one.
    """
    named = path or (Path(os.environ[FONT_VARIABLE]) if os.environ.get(FONT_VARIABLE) else None)
    if named is not None:
        found = named / FONT_NAMES[0] if named.is_dir() else named
        if not found.is_file():
            raise PlaygroundError(f"There is no emoji font at {found}; give the path of a NotoColorEmoji.ttf.")
        return found
    for folder in FONT_FOLDERS:
        for name in FONT_NAMES:
            candidate = Path(folder).expanduser() / name
            if candidate.is_file():
                return candidate
    raise PlaygroundError(
        "The pictures are drawn with the font Noto Color Emoji, which this machine lacks: install the package "
        f"fonts-noto-color-emoji, or name a NotoColorEmoji.ttf by {FONT_VARIABLE}."
    )


@dataclass(frozen=True)
class Cut:
    """A drawing at its final size, S px square, not yet coloured.

    Attributes:
        rgb: (S, S, 3) uint8. alpha: (S, S, 1) float32, 0 … 1. solid: (S, S) bool, where alpha > 0.5.
        luma: (S, S) uint8. body: (S, S, 1) uint8, how much of a new colour each pixel takes; 255 = all.
        middle: the luma of the body's middle tone.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    solid: np.ndarray
    luma: np.ndarray
    body: np.ndarray
    middle: int


@dataclass(frozen=True)
class Master:
    """A drawing that fills a square of SIDE px: RGBA, and the weights of its body as an L image."""

    image: Image.Image
    body: Image.Image
    middle: int

    def fitted(self, *, grounded: bool) -> Master:
        """The opaque part, scaled to fill the square but for a margin; standing on its lower edge or in its middle."""
        box = self.image.getbbox()
        image, body = self.image.crop(box), self.body.crop(box)
        scale = (SIDE - 2 * MARGIN) / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        at = ((SIDE - size[0]) // 2, SIDE - MARGIN - size[1] if grounded else (SIDE - size[1]) // 2)
        square, weights = _square(SIDE)
        square.paste(image.resize(size, Image.Resampling.LANCZOS), at)
        weights.paste(body.resize(size, Image.Resampling.BILINEAR), at)
        return Master(square, weights, self.middle)


class Sprites:
    """Drawings of one font, ready to be laid over a picture."""

    def __init__(self, font: Path | None = None) -> None:
        self.path = find_font(font)
        try:
            self._font = ImageFont.truetype(str(self.path), STRIKE)
            self._blank = self._draw("\U0010fffd").tobytes()
        except OSError as error:
            raise PlaygroundError(f"{self.path} can't be used: Noto Color Emoji with bitmaps is needed.") from error
        self._master = lru_cache(maxsize=1024)(self._make_master)
        self._cut = lru_cache(maxsize=4096)(self._make_cut)

    def sprite(
        self,
        drawing: str,
        *,
        side: int,
        grounded: bool,
        colour: str | None = None,
        worn: str | None = None,
        flip: bool = False,
        tilt: int = 0,
        shade: int = 0,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A drawing as it is laid over a picture.

        Args:
            drawing, worn: emoji. side: of the box, px. tilt: degrees, counter-clockwise.
            grounded: stands on the lower edge of its box, where other drawings hang in the middle.
            shade: an index of `colours.TINTS`.

        Returns:
            (side, side, 3) float32 of 0 … 255, premultiplied with alpha; (side, side, 1) float32 alpha of 0 … 1;
            (side, side) bool, where it is more than half opaque.
        """
        cut = self._cut(drawing, worn, side, grounded, tilt)
        rgb = cut.rgb
        if colour:
            rgb = rgb + (tones(colour, cut.middle)[cut.luma] - rgb) * (cut.body / np.float32(255))
        if shade:
            rgb = np.minimum(rgb * np.array(TINTS[shade], dtype=np.float32), 255)
        rgb = rgb * cut.alpha
        if flip:
            return rgb[:, ::-1], cut.alpha[:, ::-1], cut.solid[:, ::-1]
        return rgb, cut.alpha, cut.solid

    def _draw(self, drawing: str) -> Image.Image:
        canvas = Image.new("RGBA", (180, 180), (255, 255, 255, 0))
        ImageDraw.Draw(canvas).text((20, 20), drawing, font=self._font, embedded_color=True)
        return canvas

    def _make_master(self, drawing: str) -> Master:
        glyph = self._draw(drawing)
        if glyph.getbbox() is None or glyph.tobytes() == self._blank:
            raise PlaygroundError(f"{self.path.name} has no drawing of {drawing}: a newer Noto Color Emoji is needed.")
        weights, middle = body(np.asarray(glyph), paint_of(drawing))
        return Master(glyph, Image.fromarray((weights * 255).astype(np.uint8)), middle).fitted(grounded=False)

    def _make_cut(self, drawing: str, worn: str | None, side: int, grounded: bool, tilt: int) -> Cut:
        master = self._master(drawing)
        if worn:
            master = self._dress(master, drawing, worn)
        if tilt:
            image = master.image.rotate(tilt, Image.Resampling.BICUBIC, expand=True)
            weights = master.body.rotate(tilt, Image.Resampling.BILINEAR, expand=True)
            master = Master(image, weights, master.middle)
        if worn or tilt or grounded:
            master = master.fitted(grounded=grounded)
        pixels = np.asarray(master.image.resize((side, side), Image.Resampling.LANCZOS))
        weights = np.asarray(master.body.resize((side, side), Image.Resampling.BILINEAR))
        alpha = pixels[..., 3:].astype(np.float32) / 255
        rgb = np.ascontiguousarray(pixels[..., :3])
        luma = (rgb @ LUMA).astype(np.uint8)
        return Cut(rgb, alpha, alpha[..., 0] > 0.5, luma, weights[..., None], master.middle)

    def _dress(self, master: Master, drawing: str, worn: str) -> Master:
        """`master` with `worn`, itself an emoji, on its head; larger than before, for there must be room."""
        head = read_heads()[drawing]
        item = self._master(worn).image
        item = item.crop(item.getbbox())
        if worn in WORN["glasses"] and head.eyes:
            x, y, width = head.eyes
            lift, lean = 0.0, head.lean
        elif worn in WORN["bow"]:
            x, y = head.top[0] + 0.3 * head.width, head.top[1] + 0.1 * head.width
            width, lift, lean = max(0.26, 0.6 * head.width), 0.0, head.lean + 18
        else:
            crown = worn in WORN["crown"]
            (x, y), width = head.top, max(0.32, head.width) * (0.9 if crown else 1.15)
            lift, lean = 0.34 if crown else 0.3, head.lean  # of its height, from its middle to where it sits
        wide = max(12, round(SIDE * width))
        item = item.resize((wide, max(1, round(wide * item.height / item.width))), Image.Resampling.LANCZOS)
        angle = math.radians(lean)
        x, y = SIDE * x + lift * item.height * math.sin(angle), SIDE * y - lift * item.height * math.cos(angle)
        item = item.rotate(-lean, Image.Resampling.BICUBIC, expand=True)
        room = SIDE // 2
        at = (round(room + x - item.width / 2), round(room + y - item.height / 2))
        image, weights = _square(SIDE + 2 * room)
        image.paste(master.image, (room, room))
        image.alpha_composite(item, at)
        weights.paste(master.body, (room, room))
        weights.paste(0, at, item.getchannel("A"))
        return Master(image, weights, master.middle)


def _square(side: int) -> tuple[Image.Image, Image.Image]:
    return Image.new("RGBA", (side, side), (255, 255, 255, 0)), Image.new("L", (side, side), 0)
