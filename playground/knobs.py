"""Writes the README's tables of knobs from the recipes: `python -m playground.knobs README.md`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from playground.recipes import Recipe, limits, plain

BEGIN, END = "<!-- knobs: made by `make readme`, do not edit -->", "<!-- /knobs -->"


def table(recipe: type[Recipe]) -> str:
    """The knobs of a kind of recipe as Markdown."""
    rows = ["| option | default | range | what it does |", "| --- | --- | --- | --- |"]
    for name, field in recipe.model_fields.items():
        rules = limits(field)
        if "choices" in rules:
            default, span = field.default, ", ".join(f"`{value}`" for value in rules["choices"])
        elif field.annotation is str:
            default, span = field.default, f"up to {rules['max_length']:,} characters"
        else:
            default, span = plain(field.default), f"{plain(rules['ge'])} – {plain(rules['le'])}, step {rules['step']:g}"
        help = field.description.replace("|", r"\|")
        rows.append(f"| `--{name.replace('_', '-')}` | {default and f'`{default}`'} | {span} | {help} |")
    return "\n".join(rows)


def update(text: str) -> str:
    """A README with the part between the markers made anew."""
    parts = [f"`generate {kind}`: {recipe.__doc__}\n\n{table(recipe)}" for kind, recipe in Recipe.kinds.items()]
    made = "\n\n".join((BEGIN, *parts, END))
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: made, text, flags=re.DOTALL)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(update(path.read_text(encoding="utf-8")), encoding="utf-8")
