"""The page: one tab, one file. Gradio only: layout and wiring, no model code and no torch.

A module here whose name has no leading underscore is a tab. It offers `TITLE`, `ORDER` (tabs stand in it) and
`build(demo, engine)`, which is called inside its `gr.Tab`.
"""

from __future__ import annotations

import pkgutil


def names() -> list[str]:
    """The tabs by the names of their modules, which are what `?tab=` of an address takes."""
    return [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
