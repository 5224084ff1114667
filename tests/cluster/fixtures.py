"""A cluster for tests, which `tests/conftest.py` gives to all. Mark such tests `engine`."""

from collections.abc import Iterator

import pytest

from tests.cluster import beside, tools
from tests.cluster.node import Cluster


@pytest.fixture(scope="session")
def built() -> None:
    """Waits for what `make test` builds beside the tests; fails where that build failed. Without such
    a build it skips where no cluster can be booted, with the reason."""
    if trouble := beside.awaited():
        pytest.fail(trouble)
    if reason := tools.obstacle():
        (pytest.fail if beside.asked() else pytest.skip)(reason)


@pytest.fixture(scope="session")
def cluster(built: None) -> Iterator[Cluster]:
    """One for the whole run."""
    with Cluster.start() as made:
        yield made
