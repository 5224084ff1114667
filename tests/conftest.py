"""Order of one run of everything: fast tests, then those that run real programs, the whole stack last."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by cost; the order within each kind stays."""
    items.sort(
        key=lambda item: 2 * bool(item.get_closest_marker("e2e")) + bool(item.get_closest_marker("engine"))
    )
