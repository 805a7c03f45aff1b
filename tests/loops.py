"""Coroutines, run where no other event loop runs: Playwright's runs in the main thread once a browser was used."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run(call: Coroutine) -> Any:
    """What a coroutine returns; in a thread of its own."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, call).result()
