"""Order of one run of everything: fast tests, then those that run real programs, the whole stack last."""

import os

# Tests of Pulumi's gRPC and tests that fork share a process. gRPC's handlers of a fork write into the child's
# standard error now and then (once in 150 forks, measured), which pyinfra then takes for the command's.
# Read when gRPC is imported, so before anything else is.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import pytest

pytest_plugins = ("tests.hosts.fixtures",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by cost; the order within each kind stays."""
    items.sort(
        key=lambda item: 2 * bool(item.get_closest_marker("e2e")) + bool(item.get_closest_marker("engine"))
    )
