"""Who asks: the visitors of a page told apart, and kept from crowding each other out before the engine's line begins.

A client is "address/session", or the address alone where a program asks without a session. What a browser sends is
anybody's: a made-up session makes a new client, but no new address.
"""

from __future__ import annotations

import ipaddress
from typing import Any

import gradio as gr
from fastapi import HTTPException

from playground.line import Limits

UNKNOWN = "?"  # the address of whoever comes by a proxy that is not trusted to tell it
LONGEST = 64  # characters of a session that count
FORWARDED = "x-forwarded-for"
MOST_HOPS = 20
SPARE = 40  # calls at once that are no runs
TOO_MANY, FULL = 429, "queue_full"
CROWDED = "Too many calls at once come from your network address: wait until some of them are answered."
BUSY = "Too many people ask at once: try again in a minute."


def client_of(request: gr.Request | None) -> str:
    """Who asks, as `playground.turns` tells clients apart; "" where it is the program itself."""
    http = getattr(request, "request", None)
    if http is None:
        return ""
    address = _address(http)
    session = getattr(request, "session_hash", None)
    has_own = http.url.path.endswith("/join")  # else Gradio makes one up for every call
    is_agent = http.headers.get("x-gradio-user") == "mcp"  # whose sessions are all the same one
    return f"{address}/{str(session)[:LONGEST]}" if session and has_own and not is_agent else address


def _address(http: Any) -> str:
    app = http.scope.get("app")
    page = app.get_blocks() if hasattr(app, "get_blocks") else None
    direct = _known(http.client.host if http.client else "") or UNKNOWN
    forwarded = ",".join(http.headers.getlist(FORWARDED))
    if not forwarded:
        return direct
    if not getattr(page, "trust_proxy", False):
        return UNKNOWN  # and `client` may be what the header says: the server itself believes those on its machine
    hops = [hop for hop in map(_known, reversed(forwarded.split(",")[-MOST_HOPS:])) if hop]
    outside = (hop for hop in hops if ipaddress.ip_address(hop).is_global)  # the proxies nearer to us stand behind it
    return next(outside, hops[0] if hops else direct)


def _known(text: str) -> str:
    """An address as it is told apart, "" where it is none: of version 6 the network, which a household has whole."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)


def threads(limits: Limits) -> int:
    """How many calls are answered at once: all that run, all that wait, and as many as tell them something."""
    return limits.running + limits.waiting + SPARE


def admit(demo: gr.Blocks, limits: Limits, *, trust_proxy: bool) -> gr.Blocks:
    """The page, which takes from one address only so many calls at once; so Gradio's own list stays open for all.

    Args:
        trust_proxy: whether `X-Forwarded-For` says which address somebody has.
    """
    demo.trust_proxy = trust_proxy
    most = limits.running_per_address + limits.waiting_per_address + SPARE // 2
    queue = demo._queue
    push = queue.push

    async def checked(body: Any, request: Any, username: str | None) -> Any:
        waiting = [event for events in queue.event_queue_per_concurrency_id.values() for event in events.queue]
        calls = [*waiting, *(event for job in queue.active_jobs if job for event in job)]
        mine = _address(request)
        if sum(_address(call.request) == mine for call in calls) >= most:
            raise HTTPException(TOO_MANY, CROWDED)
        success, answer, state = await push(body, request, username)
        if state == FULL:
            raise HTTPException(TOO_MANY, BUSY)
        return success, answer, state

    queue.push = checked
    return demo
