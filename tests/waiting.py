"""Waiting for what a test needs, with a deadline; no test sleeps for a time."""

import time
import urllib.error
from collections.abc import Callable
from typing import TypeVar

import httpx

T = TypeVar("T")


def until(
    condition: Callable[[], T | None],
    what: str | Callable[[], str] = "the condition",
    seconds: float = 120,
    every: float = 0.02,
) -> T:
    """The first true result of `condition`, looked at again and again; a server that does not
    answer yet counts as false. AssertionError naming `what` after `seconds`, asked then if it can be.
    `every` so many seconds, where a look takes processors from those that are waited for."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := condition():
                return found
        except (httpx.TransportError, urllib.error.URLError):
            pass
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds:g} s: {what() if callable(what) else what}")
        time.sleep(every)
