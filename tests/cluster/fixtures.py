"""A cluster for tests, which `tests/conftest.py` gives to all. Mark such tests `engine`."""

from collections.abc import Iterator

import pytest

from tests.cluster import beside, tools
from tests.cluster.node import Cluster
from tests.hosts.tools import REQUIRED


@pytest.fixture(scope="session")
def built() -> None:
    """Waits for what `make test` builds beside the tests. Skips where no cluster can be booted, with the
    reason; fails instead where test hosts are required, and where the build failed."""
    if trouble := beside.awaited():
        pytest.fail(trouble)
    if reason := tools.obstacle():
        (pytest.fail if REQUIRED else pytest.skip)(reason)


@pytest.fixture(scope="session")
def cluster(built: None) -> Iterator[Cluster]:
    """One for the whole run."""
    with Cluster.start() as made:
        yield made
