"""Order of one run of everything, and which tests stay together where processes share them out."""

import os

# Tests of Pulumi's gRPC and tests that fork share a process. gRPC's handlers of a fork write into the child's
# standard error now and then (once in 150 forks, measured), which pyinfra then takes for the command's.
# Read when gRPC is imported, so before anything else is.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import pytest

pytest_plugins = ("tests.hosts.fixtures",)


TOGETHER = {
    "tests/e2e/test_0_": "servers",
    "tests/e2e/": "stack",
    "tests/hosts/": "hosts",
    "tests/vsi/servers/": "hosts",
    "tests/vsi/ssh/": "hosts",
    "tests/vsi/systemd/": "hosts",
}
"""Where slow tests are that share what is costly to set up, by how their path begins, and the name of what
they share; the longest first. Other slow tests share with those of their file."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first. Those that run real programs after them, the longest groups to begin with, so that
    processes that share the work out (`make test` has two) end at about the same time."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    order = list(dict.fromkeys(TOGETHER.values()))

    def rank(item: pytest.Item) -> tuple[bool, int]:
        group = _group(item)
        return _slow(item), order.index(group) if group in order else len(order)

    items.sort(key=rank)


def _slow(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("e2e") or item.get_closest_marker("engine"))


def _group(item: pytest.Item) -> str:
    """Tests of a group run in one process, one after the other."""
    file = item.nodeid.partition("::")[0]
    if not _slow(item):
        return file
    return next((name for start, name in TOGETHER.items() if file.startswith(start)), f"{file}, engines")
