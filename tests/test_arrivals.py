"""The page's opening: what each tab does then, as one call of the server."""

import gradio as gr

import app
from tabs._arrivals import arrivals_of


def at_load(page: gr.Blocks) -> list:
    return [fn for fn in page.fns.values() if any(event == "load" for _, event in fn.targets)]


def test_the_server_is_asked_once_and_the_browser_once_for_all_tabs(engine):
    assert sorted(fn.fn is None for fn in at_load(app.build(engine))) == [False, True]


def test_each_part_gets_its_own_values_and_changes_what_it_names():
    with gr.Blocks() as page:
        one, two, three, four = (gr.Textbox(label=str(number)) for number in range(4))
        arrivals = arrivals_of(page)
        arrivals.call(lambda request, *seen: {four: (request, seen)}, [one, two], [four])
        arrivals.call(lambda request, *seen: {}, [], [two])
        arrivals.call(lambda request, *seen: {three: (request, seen)}, [three], [three])
        arrivals.run("() => []", [], [])
        arrivals.wire(page)
    asked = next(fn for fn in at_load(page) if fn.fn)
    assert (asked.inputs, asked.outputs) == ([one, two, three], [four, two, three])
    assert asked.fn("request", "a", "b", "c") == {four: ("request", ("a", "b")), three: ("request", ("c",))}
