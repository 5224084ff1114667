"""A cluster for tests, which `tests/conftest.py` gives to all. Mark such tests `engine`."""

from collections.abc import Iterator

import pytest

from tests.cluster import tools
from tests.cluster.node import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One for the whole run. Skips where none can be booted, with the reason."""
    if reason := tools.obstacle():
        pytest.skip(reason)
    with Cluster.start() as made:
        yield made
