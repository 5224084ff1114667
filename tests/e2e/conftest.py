from collections.abc import Iterator

import pytest

from engines.store import Store
from tests.e2e.shop import Shop

ENGINES = (
    "pulumi",
    "prometheus",
    "alertmanager",
    "node_exporter",
    "otelcol",
    "jaeger",
    "opensearch",
    "redis",
)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The local stack, up. This folder's tests use it one after the other, in the order of their files."""
    missing = [name for name in ENGINES if Store().locate(name) is None]
    if missing:
        pytest.skip(f"not in the cache: {', '.join(missing)}; `make engines` makes them")
    made = Shop.make(tmp_path_factory.mktemp("e2e") / "project")
    try:
        made.obs("up")
        yield made
    finally:
        made.clean_up()
