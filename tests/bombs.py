"""Files that are not what they seem: pictures that unpack without end, carry scripts, or are two things at once."""

from __future__ import annotations

import io
import json
import struct
import zlib

from PIL import Image
from PIL.PngImagePlugin import PngInfo

SCRIPT = b"<script>alert('polyglot')</script>"
SIDE = 65_000  # px


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(*, text: dict[str, str] | None = None, compressed: bool = False) -> bytes:
    """A small picture, whole and harmless, with texts beside it."""
    info = PngInfo()
    for name, value in (text or {}).items():
        info.add_itxt(name, value, zip=compressed)
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "PNG", pnginfo=info)
    return file.getvalue()


def bombs() -> dict[str, bytes]:
    """Files of which none is a picture that can be used, by a name."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 1, 0, 0, 0, 0))
    zeros = zlib.compress(bytes(10_000_000), 9)
    whole = png()
    return {
        "PNG of 65,000 × 65,000": b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zeros) * 3 + chunk(b"IEND", b""),
        "GIF of 65,535 × 65,535": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + b",",
        "text that unpacks": whole[:33] + chunk(b"zTXt", b"playground\0\0" + zeros * 4) + whole[33:-40],
        "truncated": whole[: len(whole) // 2],
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">' + SCRIPT + b"</svg>",
        "XML of entities": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        "archive": b"PK\x03\x04" + bytes(100),
        "PDF": b"%PDF-1.7" + bytes(100),
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file",
        "list of files": b"#EXTM3U\nfile:///etc/passwd\n",
        "page": b"<html>" + SCRIPT,
        "nothing": b"",
    }


def polyglots() -> dict[str, bytes]:
    """Pictures that can be used, and that are something else as well."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(file, "GIF", comment=SCRIPT)
    return {
        "PNG and page": png(text={"Comment": SCRIPT.decode()}) + b"<html>" + SCRIPT,
        "PNG and archive": png() + b"PK\x03\x04" + SCRIPT,
        "GIF and script": file.getvalue() + b"/*" + SCRIPT + b"*/=1;",
    }


def recipes() -> dict[str, bytes]:
    """Files that say they hold a recipe."""
    deep = "[" * 5000 + "]" * 5000
    record = {"v": 1, "kind": "image", "prompt": "<img src=x onerror=alert(1)>", "model": "../../../../etc/passwd"}
    return {
        "deep JSON": b'{"playground": ' + deep.encode() + b"}",
        "deep JSON in a PNG": png(text={"playground": deep}),
        "long JSON in a PNG": png(text={"playground": "[" + "0," * 400_000 + "0]"}, compressed=True),
        "hostile model": png(text={"playground": json.dumps(record)}),
        "no numbers": b'{"playground": {"v": 1, "kind": "image", "seed": NaN, "steps": 1e400}}',
        "no text": b'{"playground": "\xff\xfe\xed\xa0\x80"}',
    }
