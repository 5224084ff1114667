"""The thread that tells a host that this run still has its locks."""

import contextlib
from types import SimpleNamespace
from typing import Any, cast

from vsi.ssh.holding import _Keeper


def test_a_beat_that_waited_while_the_session_was_closed_says_nothing() -> None:
    said: list[str] = []

    def say(line: str, _seconds: float) -> str:
        said.append(line)
        return "yes"

    root = SimpleNamespace(say=say)
    keeper = _Keeper(cast(Any, None), cast(Any, root), contextlib.ExitStack())

    assert keeper.say("beat - - -") == "yes"
    keeper.over.set()

    assert keeper.say("beat - - -") == ""
    assert said == ["beat - - -"]
