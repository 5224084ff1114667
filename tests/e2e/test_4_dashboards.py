"""Dashboards of a living stack: each query finds something."""

from contextlib import suppress

import pytest

from components.dashboards import dashboards
from components.dashboards.model import Dashboard
from stacks.loader import load
from tests.e2e.shop import WAIT_S, Shop
from tests.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

PAGES = dashboards(load("local"))
QUIET = ("ALERTS",)
"""What may have nothing to show, when all is well or the stack is young."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_query_finds_something(shop: Shop, page: Dashboard) -> None:
    prometheus = shop.clients().prometheus
    asked = [query.expr for query in page.queries if not any(part in query.expr for part in QUIET)]

    def silent() -> list[str]:
        return [expr for expr in asked if not prometheus.vector(expr)]

    with suppress(AssertionError):  # what is silent says more
        until(lambda: not silent(), seconds=WAIT_S)
    assert silent() == []
