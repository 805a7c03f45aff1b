"""The endpoint `/edit`: one face, yours or the model's, moved along directions."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import gradio as gr
from PIL import Image

from playground.engine import Engine
from playground.errors import PlaygroundError
from playground.events import Picture
from playground.recipes import LatentRecipe
from tabs._controls import told
from tabs._files import file_of
from tabs._latent_view import as_file
from tabs._latent_wishes import explore
from tabs._visitors import client_of

KIND = LatentRecipe.kind


def editor(engine: Engine) -> Callable[..., Any]:
    """The function behind the endpoint and the MCP tool."""

    def edit_face(
        model: str = LatentRecipe.model_fields["model"].default,
        face: str = "",
        picture: str = "",
        edits: str = "",
        directions: str = "",
        seed: int = 0,
        spread: float = 1.0,
        request: gr.Request | None = None,
    ) -> dict:
        """Move a face along directions of the latent space: more smile, fewer years, glasses.

        Args:
            model: Which of the models decodes the face.
            face: Which face: seed:7, preset:cat, face:kind=dog,smile=1, at:0.3,-1.2 or a sum; empty is the seed's.
            picture: Instead of that, any picture file as a data URL or base64; the model encodes it first.
            edits: In standard deviations along named directions, like: smile=1.2, age=-0.5.
            directions: Directions of your own, as the JSON that the direction builder exports.
            seed: Of the face, where no other is given.
            spread: How far from the average face seeds draw, 0 to 1.5.

        Returns:
            image (a PNG), point (an end for a journey), places on the map, unusual (above 1 is far from what the
            model knows), and the edits.
        """
        with told(on_page=False):
            given = {"model": model, "a": face, "edits": edits, "directions": directions, "seed": seed}
            recipe = engine.recipe(KIND, {**given, "spread": spread})
            if face and picture:
                raise PlaygroundError("Give a face or a picture, not both.")
            with engine.model(recipe.model, KIND, client_of(request)) as loaded:
                expression = explore().encode(loaded, file_of({"file": picture})) if picture else recipe.a
                look = explore().look(
                    loaded, expression, recipe.edits, recipe.directions, seed=recipe.seed, spread=recipe.spread
                )
            return {
                "image": as_file(png(look.picture), f"face-seed-{recipe.seed}.png", "image/png"),
                "point": look.point,
                "places": {plane: list(place) for plane, place in look.places.items()},
                "unusual": round(look.unusual, 3),
                "edits": recipe.edits,
                "fingerprint": loaded.fingerprint,
            }

    return edit_face


def png(picture: Picture) -> bytes:
    """A picture as a file without loss."""
    file = io.BytesIO()
    Image.frombytes("RGB", (picture.width, picture.height), picture.rgb).save(file, "PNG")
    return file.getvalue()
