"""Addresses that whoever verifies gives."""

from dataclasses import replace
from pathlib import Path

import pytest

from obs.verify.given import NoAddress, given
from tests.verify.fakes import World, shop_spec


class Forwarding:
    """Leads everything to port 1."""

    def __call__(self, address: str) -> str:
        del address
        return "127.0.0.1:1"

    def why(self, address: str) -> str:
        return f"no pod behind {address} is ready"


def test_what_was_given_is_asked_there_and_all_else_where_it_was(tmp_path: Path) -> None:
    access = replace(World(shop_spec(), tmp_path).context().access, reach=Forwarding())
    found = given(access, ["prometheus=metrics.example:443", "gateway=10.0.0.7:80"])
    assert found.reach is not None
    assert found.reach(access.site.dial("prometheus")) == "metrics.example:443"
    assert found.reach(access.site.dial("jaeger-query-http")) == "127.0.0.1:1"
    assert found.reach.why(access.site.dial("prometheus")) == ""
    assert "is ready" in found.reach.why(access.site.dial("alertmanager"))
    assert found.instances is not None
    assert found.instances("gateway") == access.site.services["gateway"].dial
    assert given(access, []) is access


@pytest.mark.parametrize("text", ["prometheus", "prometheus=host", "nobody=10.0.0.1:1", "=10.0.0.1:1"])
def test_what_leads_nowhere_is_refused_with_what_can_be_named(text: str, tmp_path: Path) -> None:
    access = World(shop_spec(), tmp_path).context().access
    with pytest.raises(NoAddress, match=r"expected NAME=HOST:PORT, with one of .*gateway.*prometheus"):
        given(access, [text])
