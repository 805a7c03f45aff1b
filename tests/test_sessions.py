"""The server forgets pages that are closed, and no others."""

import json
import os
import time
import urllib.request
from datetime import timedelta

import gradio as gr
import pytest

import app
from bench._visitor import Page, Visitor, in_a_loop
from playground.history import new_owner
from tabs._sessions import CLOSED, Sessions

PATIENCE_S = 120
LONG_AGO = 2 * CLOSED


@pytest.fixture
def sessions():
    with gr.Blocks() as demo:
        gr.Textbox("")
    holder = Sessions()
    holder.set_blocks(demo)
    return holder


def test_only_what_is_closed_and_long_unused_is_forgotten(sessions):
    for name, closed, age in (
        ("open", False, LONG_AGO),
        ("closed", True, LONG_AGO),
        ("just closed", True, timedelta(0)),
    ):
        sessions[name].is_closed = closed
        sessions.time_last_used[name] -= age
    assert sessions.forget() == 1
    assert set(sessions.session_data) == set(sessions.time_last_used) == {"open", "just closed"}


def test_a_known_page_keeps_what_it_had(sessions):
    first = sessions["page"]
    first.is_closed = True
    sessions.time_last_used["page"] -= LONG_AGO
    assert sessions["page"] is first


def test_a_page_knows_what_changed_and_describes_nothing(sessions):
    state, (key, box) = sessions["page"], next(iter(sessions.blocks.blocks.items()))
    other = state[key] = gr.Textbox("", label="Other", render=False)
    state._update_config(key)
    state._update_value_in_config(key, "value")
    assert state[key] is other and sessions["another"][key] is box
    assert not state.config_values


def test_of_too_many_the_longest_unused_goes(sessions):
    sessions.capacity = 2
    for name in ("a", "b", "a", "c"):
        sessions[name]
    assert set(sessions.session_data) == {"a", "c"}


def test_a_closed_window_is_forgotten_by_the_app(engine):
    demo = app.build(engine)
    os.environ.pop("GRADIO_SERVER_PORT", None)
    url = app.serve(demo)
    try:
        with urllib.request.urlopen(f"{url}config") as answered:
            page = Page(json.load(answered))
        held = demo.app.state_holder

        async def visit() -> str:
            async with Visitor(url, page, new_owner(), "198.18.0.1") as visitor:
                assert visitor.session in held
                return visitor.session

        first = in_a_loop(visit())
        until = time.monotonic() + PATIENCE_S
        while not held.session_data[first].is_closed and time.monotonic() < until:
            time.sleep(0.05)
        held.time_last_used[first] -= LONG_AGO
        while first in held and time.monotonic() < until:
            time.sleep(0.05)
        assert first not in held
    finally:
        demo.close()
