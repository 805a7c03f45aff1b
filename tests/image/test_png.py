"""PNG files: lossless, with a recipe that comes back whole, readable by other tools, and safe to open."""

import io
import json
import re
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from playground.errors import PlaygroundError
from playground.events import Picture
from playground.image.png import decode, encode, parameters, read
from playground.image.uploads import start_from
from playground.links import from_metadata
from playground.recipes import ImageRecipe
from tests.image.test_uploads import chunk, png_of

NOISE = Picture(16, 8, np.random.default_rng(0).integers(0, 256, 16 * 8 * 3, dtype=np.uint8).tobytes())
FIELD = re.compile(
    r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)'
)  # of stable-diffusion-webui's infotext_utils


def read_as_webui(text: str) -> dict[str, str]:
    """What `parse_generation_parameters` of stable-diffusion-webui makes of a text."""
    *lines, last = text.strip().split("\n")
    if len(FIELD.findall(last)) < 3:
        lines, last = [*lines, last], ""
    prompts: dict[str, list[str]] = {"Prompt": [], "Negative prompt": []}
    current = "Prompt"
    for line in map(str.strip, lines):
        if line.startswith("Negative prompt:"):
            current, line = "Negative prompt", line[16:].strip()
        prompts[current].append(line)
    fields = {k: json.loads(v) if v[:1] == '"' else v for k, v in FIELD.findall(last)}
    return {name: "\n".join(parts) for name, parts in prompts.items()} | fields


def written(**values) -> tuple[ImageRecipe, Image.Image]:
    recipe = ImageRecipe.make(values)
    return recipe, Image.open(io.BytesIO(encode(NOISE, recipe)))


def with_text(text: str, *, key: str = "playground", late: bool = False, zip: bool = False) -> bytes:
    """A PNG of a pixel with a text chunk of ours, before its pixels or after."""
    body = b"\0" + (b"\1\0" if zip else b"\0\0") + b"\0\0" + (zlib.compress(text.encode()) if zip else text.encode())
    part = chunk(b"iTXt", key.encode() + body)
    whole = png_of(1, 1, data=b"\0\1\2\3", before=b"" if late else part)
    return whole[:-12] + part + whole[-12:] if late else whole


def test_pixels_and_recipe_come_back_as_they_were():
    recipe = ImageRecipe.make({"prompt": "a cat\n“wearing” a crown 👑", "seed": 7, "guidance_scale": 4.5})
    extra = {"result": {"sha256": "x"}, "environment": {"torch": "2"}}
    picture, metadata = decode(encode(NOISE, recipe, extra))
    assert picture == NOISE
    assert metadata == {"playground": {"v": 1, "kind": "image", **recipe.model_dump()}, **extra}
    assert ImageRecipe.make(from_metadata(metadata).values) == recipe


def test_the_same_gives_the_same_bytes():
    assert encode(NOISE, ImageRecipe()) == encode(NOISE, ImageRecipe())


def test_a_start_picture_travels_along():
    start = start_from(encode(NOISE, ImageRecipe()), 128)
    _, metadata = decode(encode(NOISE, ImageRecipe.make({"start": start})))
    assert from_metadata(metadata).values["start"] == start


@pytest.mark.parametrize(
    "prompt", ["<script>", "\u202eabc", "a\r\nb\tc", "👩‍👩‍👧", '", "x": 1}', "\\u0000", "x" * 2000, ""]
)
def test_hostile_prompts_come_back_as_text(prompt):
    _, metadata = decode(encode(NOISE, ImageRecipe.make({"prompt": prompt, "negative_prompt": prompt})))
    values = from_metadata(metadata).values
    assert values["prompt"] == values["negative_prompt"] == prompt


# the text that other tools read --------------------------------------------------------------------------------


def test_the_parameters_are_written_as_the_webui_writes_them():
    recipe = ImageRecipe.make(
        {
            "prompt": "a cat on a beach",
            "negative_prompt": "snow",
            "steps": 12,
            "seed": 7,
            "model": "scenes",
            "fingerprint": "0123456789ab",
        }
    )
    assert parameters(recipe).startswith(
        "a cat on a beach\nNegative prompt: snow\n"
        "Steps: 12, Sampler: DPM++ 2M, CFG scale: 3, Seed: 7, Size: 128x128, Model hash: 0123456789, Model: scenes, "
        "Version: playground "
    )


def test_variation_and_start_are_told_where_there_are_any():
    recipe = ImageRecipe.make({"variation_strength": 0.25, "variation_seed": 9, "start": "data:", "strength": 0.6})
    fields = read_as_webui(parameters(recipe))
    assert fields["Variation seed"] == "9" and fields["Variation seed strength"] == "0.25"
    assert fields["Denoising strength"] == "0.6"
    assert not {"Variation seed", "Denoising strength", "Model hash"} & read_as_webui(parameters(ImageRecipe())).keys()


def test_stochastic_samplers_have_their_usual_names():
    found = {read_as_webui(parameters(ImageRecipe(scheduler=name)))["Sampler"] for name in ("euler_a", "dpmpp_2m_sde")}
    assert found == {"Euler a", "DPM++ 2M SDE"}


@pytest.mark.parametrize(
    "prompt",
    ["a cat", "", "Steps: 3, Seed: 1, Size: 9x9", "a\nNegative prompt: b\nSteps: 1, Seed: 2", "a: b, c", "é 👑"],
)
def test_the_webui_reads_what_was_meant(prompt):
    recipe, image = written(prompt=prompt, negative_prompt=prompt[::-1], seed=7, model="a, model: x")
    fields = read_as_webui(image.info["parameters"])
    assert fields["Prompt"] == " ".join(prompt.split()) and fields["Negative prompt"] == " ".join(prompt[::-1].split())
    assert fields["Seed"] == "7" and fields["Size"] == "128x128" and fields["Model"] == recipe.model


def test_plain_text_is_a_plain_chunk_and_other_text_an_international_one():
    assert b"tEXtparameters\0a cat\n" in encode(NOISE, ImageRecipe(prompt="a cat"))
    assert b"iTXtparameters\0\0\0\0\0" + "é\n".encode() in encode(NOISE, ImageRecipe(prompt="é"))


# reading what anybody may have written -------------------------------------------------------------------------


def test_a_picture_of_another_tool_has_no_metadata():
    info = PngInfo()
    info.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler, Seed: 1")
    file = io.BytesIO()
    Image.new("RGBA", (3, 2), (9, 8, 7, 255)).save(file, "PNG", pnginfo=info)
    assert decode(file.getvalue()) == (Picture(3, 2, bytes((9, 8, 7)) * 6), None)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("zip", [False, True])
def test_metadata_may_stand_anywhere(late, zip):
    assert decode(with_text('{"playground": {"kind": "image"}}', late=late, zip=zip))[1] == {
        "playground": {"kind": "image"}
    }


def test_metadata_of_another_kind_is_left_to_who_reads_it():
    metadata = decode(with_text('{"playground": {"kind": "text", "seed": 3}}'))[1]
    assert from_metadata(metadata).kind == "text"


BAD = [
    (b"", "The picture is empty"),
    (b"GIF89a" + b"\0" * 99, "That is not a PNG."),
    (b"{}", "That is not a PNG."),
    (encode(NOISE, ImageRecipe())[:-100], "The picture is damaged or cut off."),
    (encode(NOISE, ImageRecipe())[:60], "The picture is damaged or cut off."),
    (png_of(100_000, 100_000), "The picture has more than 40 megapixels"),
    (with_text("{"), "The picture's metadata is not JSON."),
    (with_text("[" * 100_000), "The picture's metadata is not JSON."),
    (with_text("9" * 100_000), "The picture's metadata is not JSON."),
    (with_text("[1]"), "The picture's metadata is not a JSON object."),
    (with_text("x" * 70_000_000, zip=True), "The picture is damaged or cut off."),
    (with_text("x" * 30_000_000), "The picture has more than 20 MB"),
]


@pytest.mark.parametrize(("data", "sentence"), BAD, ids=range(len(BAD)))
def test_what_can_not_be_read_is_told_in_one_sentence(data, sentence):
    with pytest.raises(PlaygroundError) as error:
        decode(data)
    assert str(error.value).startswith(sentence)


def test_of_a_file_no_more_is_read_than_a_picture_may_have(tmp_path):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(2**33)  # 8 GiB, of which nothing is on the disk
    with pytest.raises(PlaygroundError, match="more than 20 MB"):
        read(path)
