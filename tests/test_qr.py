"""A link's QR code: its modules are drawn just as they are, and nothing of the link's text stands in the picture."""

import re
import xml.etree.ElementTree as ET

import pytest
import segno

from playground.errors import PlaygroundError
from playground.qr import LONGEST, QUIET, TITLE, to_svg

SVG = "{http://www.w3.org/2000/svg}"
LINK = "http://127.0.0.1:7860/?tab=text&v=1&seed=7&prompt=Once%20upon%20a%20time"


def modules(svg: str) -> list[list[int]]:
    """What the picture shows, module by module, its white border included: 1 is black."""
    root = ET.fromstring(svg)
    side = int(root.get("viewBox").split()[2])
    shown = [[0] * side for _ in range(side)]
    (path,) = (node for node in root.iter(f"{SVG}path") if node.get("stroke"))
    x = y = 0.0
    for step, given in re.findall(r"([Mmh])([-\d. ]+)", path.get("d")):
        numbers = list(map(float, given.split()))
        if step == "h":
            for column in range(int(x), int(x + numbers[0])):
                shown[int(y)][column] = 1
            x += numbers[0]
        elif step == "M":
            x, y = numbers
        else:
            x, y = x + numbers[0], y + numbers[1]
    return shown


@pytest.mark.parametrize("link", [LINK, "http://a/?" + "%F0%9F%91%91" * 60, "h" * LONGEST])
def test_every_module_of_the_code_is_drawn(link):
    code = segno.make(link, error="l", micro=False, encoding="utf-8")
    assert modules(to_svg(link)) == [list(row) for row in code.matrix_iter(border=QUIET)]


def test_a_phone_finds_it_on_a_dark_page_and_a_screen_reader_names_it():
    root = ET.fromstring(to_svg(LINK))
    side = root.get("viewBox").split()[2]
    ground, lines = root.iter(f"{SVG}path")
    assert ground.get("fill") == "#fff" and ground.get("d") == f"M0 0h{side}v{side}h-{side}z"
    assert lines.get("stroke") == "#000"
    assert root.find(f"{SVG}title").text == TITLE


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"/><image href="http://x/"/>', "]]>&amp;", "</svg>${1}"]
)
def test_nothing_of_the_text_stands_in_it(text):
    root = ET.fromstring(to_svg(f"http://a/?{text}"))
    assert {node.tag.removeprefix(SVG) for node in root.iter()} == {"svg", "title", "path"}
    paths = [node.get("d") for node in root.iter(f"{SVG}path")]
    assert all(re.fullmatch(r"[Mmhvz0-9. -]+", path) for path in paths)
    assert {name for node in root.iter() for name in node.attrib} <= {"viewBox", "class", "fill", "stroke", "d"}


@pytest.mark.parametrize("link", ["", "h" * (LONGEST + 1), "é" * LONGEST])
def test_what_no_phone_reads_is_told(link):
    with pytest.raises(PlaygroundError, match="a QR code that can be read off a screen holds 1 to 858"):
        to_svg(link)
