"""Order of one run of everything, and which tests stay together where processes share them out."""

import os

# Tests of Pulumi's gRPC and tests that fork share a process. gRPC's handlers of a fork write into the child's
# standard error now and then (once in 150 forks, measured), which pyinfra then takes for the command's.
# Read when gRPC is imported, so before anything else is.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

pytest_plugins = ("tests.hosts.fixtures", "tests.cluster.fixtures")


TOGETHER = {
    "tests/e2e/": "stacks",
    "tests/cluster/": "cluster",
    "tests/hosts/": "hosts",
    "tests/vsi/servers/": "hosts",
    "tests/vsi/ssh/": "hosts",
    "tests/vsi/systemd/": "hosts",
}
"""How the path of tests begins that share what is costly to set up, and the name of what they share; the
longest first. Others share with those of their file. Whole stacks are one group, though they share
nothing: two of them at once ask more of two processors than the waits of `obs verify` and of alerts allow."""


def group(test: str) -> str:
    """Tests of a group run in one process, one after the other. Of a test's id."""
    file = test.partition("::")[0]
    return next((name for start, name in TOGETHER.items() if file.startswith(start)), file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first. Those that run real programs after them, the longest groups to begin with, so that
    processes that share the work out (`make test` has two) end at about the same time. Those of the cluster
    last: what they need is built meanwhile."""
    order = list(dict.fromkeys(TOGETHER.values()))

    def rank(item: pytest.Item) -> tuple[bool, bool, int]:
        shared = group(item.nodeid)
        last = shared == "cluster"
        slow = last or bool(item.get_closest_marker("e2e") or item.get_closest_marker("engine"))
        return slow, last, order.index(shared) if shared in order else len(order)

    items.sort(key=rank)


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # which has no types
    """Shares groups out, each whole, in the order of their first tests."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Groups | None:
    """For `--dist loadscope`; others are xdist's own."""
    return Groups(config, log) if config.getvalue("dist") == "loadscope" else None
