"""How `obs verify` asks several that replace each other."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from obs.verify.clients import Clients, Http
from obs.verify.outcome import Unanswered
from tests.verify.fakes import World, shop_spec


def _client(*names: str) -> Http:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host.startswith("away"):
            raise httpx.ConnectError("away")
        return httpx.Response(200, json={"by": request.url.host})

    first, *further = (f"https://{name}:1" for name in names)
    return Http("store", first, "demo", httpx.MockTransport(answer), further=further)


def test_the_next_is_asked_where_one_does_not_answer_and_goes_on_being_asked() -> None:
    client = _client("away", "two", "three")
    assert client.json("GET", "/x?y=1") == {"by": "two"}
    assert client.base == "https://two:1"
    assert client.json("GET", "/x") == {"by": "two"}


def test_when_none_answers_that_is_told_of_the_last() -> None:
    with pytest.raises(Unanswered, match=r"answer at https://away-2:1/x"):
        _client("away-1", "away-2").request("GET", "/x?y=1")


def test_a_stack_without_a_sink_is_asked_all_the_same(tmp_path: Path) -> None:
    access = World(shop_spec(), tmp_path).context().access
    listeners = {name: one for name, one in access.site.listeners.items() if name != "sink"}
    alone = replace(access, site=replace(access.site, listeners=listeners))
    assert Clients(alone, "demo", httpx.MockTransport(lambda _: httpx.Response(200))).prometheus.base
