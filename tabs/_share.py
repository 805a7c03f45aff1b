"""What the Share panel (`_share.js`) asks: a result's link or recipe → its QR code and code that makes it again.

Asked only when the panel is opened, so that no stream carries it. Whatever comes from a page is anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradio.context import Context

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.links import base_url, from_link, from_record
from playground.qr import to_svg
from playground.snippets import snippets
from tabs._controls import defaults, manifest_defaults
from tabs._files import as_url
from tabs._latent_wishes import ODD, Answer, told


def sharer(engine: Engine) -> Answer:
    """The function by which the panel asks; it answers `{"problem": a sentence}` where it can't."""
    shown = Context.root_block  # the page that is being built

    def share(asked: Any) -> dict[str, Any]:
        """The QR code of a link, and four ways to make what the link, or the recipe of a result without one, asks for.

        Args:
            asked: `{"link": of the result or "", "recipe": its record, where there is no link, "page": address}`.
        """
        link, page = (_text(asked, name) for name in ("link", "page"))
        wanted = from_link(link) if link else from_record(asked.get("recipe"))
        if not wanted.kind:
            raise PlaygroundError(ODD)
        recipe = engine.recipe(wanted.kind, wanted.values)
        own, of_api = manifest_defaults(engine, recipe.model, recipe.kind), defaults(engine, type(recipe))
        made = snippets(recipe, base_url(link or page), own, of_api, login=bool(shown and shown.auth))
        return {"code": [snippet._asdict() for snippet in made], **_qr(link)}

    return told(share)


def _qr(link: str) -> dict[str, str]:
    """The QR code as a picture, or why there is none."""
    try:
        return {"qr": as_url(to_svg(link).encode(), "image/svg+xml") if link else "", "no_qr": ""}
    except PlaygroundError as error:
        return {"qr": "", "no_qr": str(error)}


def _text(asked: Any, name: str) -> str:
    value = asked.get(name) if isinstance(asked, Mapping) else None
    if not isinstance(value, str):
        raise PlaygroundError(ODD)
    return value
