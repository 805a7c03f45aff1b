"""The one exception that is written for the person in front of the page.

Everything that a user can do wrong ends here, as one sentence. Tabs turn it into a Gradio error, the command
line into a line on stderr and exit code 2; nothing else is meant to be caught by them.
"""


class PlaygroundError(Exception):
    """A mistake that the user can mend. `str(error)` is one sentence that says what is wrong and what is allowed."""


def cant_open(name: str, error: Exception) -> PlaygroundError:
    """Why a model can't be opened: what we found out ourselves, and not what libraries say of it.

    They tell it in many words, with the paths of this machine.
    """
    found = str(error) if isinstance(error, PlaygroundError) else "its files are damaged, not whole or not of its kind."
    return PlaygroundError(f"The model {name} can't be opened: {found}")
