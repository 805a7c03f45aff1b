"""Link → QR code as an SVG that holds its modules and nothing of the link's text. Knows no page."""

from __future__ import annotations

import io

from playground.errors import PlaygroundError

LONGEST = 858  # bytes: version 20, 105 modules a side with its border, each of two pixels where the page shows it
QUIET = 4  # modules of white around it, without which it is not found on a dark page
TITLE = "QR code of the link"


def to_svg(link: str) -> str:
    """The QR code, black on white whatever it stands on; `TITLE` is its label.

    Raises:
        PlaygroundError: the link is empty, or too long to be read off a screen.
    """
    import segno  # only who shares waits for it

    size = len(link.encode())
    if not 0 < size <= LONGEST:
        raise PlaygroundError(
            f"The link has {size:,} characters; a QR code that can be read off a screen holds 1 to {LONGEST:,}: "
            "copy it instead."
        )
    drawn = io.BytesIO()
    code = segno.make(link, error="l", micro=False, encoding="utf-8")  # as much correction as its version has room for
    code.save(drawn, kind="svg", border=QUIET, dark="#000", light="#fff", omitsize=True, xmldecl=False, title=TITLE)
    return drawn.getvalue().decode()
