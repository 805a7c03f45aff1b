"""What a page sends: components that an update leaves alone are neither built anew nor remembered."""

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from tabs._strict import StrictPage
from tests.loops import run


def page_of(kind: type[gr.Blocks]) -> tuple[gr.Blocks, list]:
    with kind() as page:
        outputs = [gr.Textbox(label="one"), gr.State(0), gr.Slider(0, 9, label="two"), gr.Textbox(label="three")]
        gr.Button().click(lambda: None, None, outputs)
    return page, outputs


def sent(page: gr.Blocks, values: object) -> tuple[list, SessionState]:
    """What becomes of a listener's answer."""
    (listener,), state = page.fns.values(), SessionState(page)
    return run(page.postprocess_data(listener, values, state)), state


ANSWERS = {
    "nothing by name": lambda one, state, two, three: {one: gr.skip()},
    "nothing, once for all": lambda *_: gr.skip(),
    "one by name": lambda one, state, two, three: {three: "x"},
    "the state by name": lambda one, state, two, three: {state: 5},
    "some": lambda *_: ["x", 5, gr.skip(), gr.update(visible=False)],
    "a state that is left": lambda *_: ["x", gr.skip(), gr.update(), gr.update(value="y", label="z")],
    "all": lambda *_: ["x", 1, 3, "y"],
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_the_page_is_sent_what_gradio_itself_would_send(answer):
    found = []
    for kind in (StrictPage, gr.Blocks):
        page, outputs = page_of(kind)
        told, state = sent(page, answer(*outputs))
        found.append((told, state[outputs[1]._id]))
    assert found[0] == found[1]


def test_what_is_left_alone_is_not_built_anew():
    page, (one, _, two, three) = page_of(StrictPage)
    _, state = sent(page, {one: gr.update(visible=False), three: "x"})
    assert [state[part._id] is part for part in (one, two, three)] == [False, True, True]
