"""How many units are changed at once: few of this machine, all that are called for of servers."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.vsi.conftest import Place
from tests.vsi.test_provider import props_of, rich
from vsi import provider
from vsi.provider import HERE, UnitProvider
from vsi.ssh.connection import Connection


class Hosts:
    """Counts what is under way; each waits for the others, for a while."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._all = threading.Barrier(calls)
        self._seconds = seconds
        self._turn = threading.Lock()
        self.now = self.most = 0

    def carry_out(self, action: str, request: object) -> None:
        del action, request
        with self._turn:
            self.now += 1
            self.most = max(self.most, self.now)
        with contextlib.suppress(threading.BrokenBarrierError):
            self._all.wait(self._seconds)
        with self._turn:
            self.now -= 1


@pytest.mark.parametrize("connection", [None, Connection(host="h1", address="192.0.2.1")])
def test_few_units_of_this_machine_are_changed_at_once_and_any_of_servers(
    place: Place, monkeypatch: pytest.MonkeyPatch, connection: Connection | None
) -> None:
    calls = 3 * HERE
    hosts, props = Hosts(calls, 20 if connection else 0.05), props_of(place, rich(place))
    given: dict[str, Any] = {"connection": connection.model_dump_json()} if connection else {}
    monkeypatch.setattr(provider, "carry_out", hosts.carry_out)
    with ThreadPoolExecutor(calls) as pool:
        for done in [pool.submit(UnitProvider()._run, "apply", {**props, **given}) for _ in range(calls)]:
            done.result()

    assert hosts.now == 0
    assert hosts.most <= HERE if connection is None else hosts.most > HERE
