"""Test hosts for tests, which `tests/conftest.py` gives to all. Mark such tests `engine`."""

from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.hosts import base, tools
from tests.hosts.lab import Lab

StartLab = Callable[..., Lab]


@pytest.fixture(scope="session")
def lab_here() -> None:
    """Skips where hosts cannot be booted, with the reason."""
    reason = tools.obstacle()
    if not reason and (missing := tools.lacking()):
        reason = f"not installed: {', '.join(missing)}; `make hosts` installs them"
    if not reason and base.locate() is None:
        reason = "no base of test hosts in the cache; `make hosts` makes it"
    if reason and tools.REQUIRED:
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def lab(lab_here: None) -> Iterator[Lab]:
    """Four hosts for the whole run. A test that changes more than it undoes calls `lab.reset()` first."""
    with Lab.start(4) as made:
        yield made


@pytest.fixture(scope="module")
def start_lab(lab_here: None) -> Iterator[StartLab]:
    """Starts labs as `Lab.start` does, and stops them after the module."""
    made: list[Lab] = []

    def start(hosts: int | Iterable[str], *, small_mb: int | None = None, many_files: bool = False) -> Lab:
        made.append(Lab.start(hosts, small_mb=small_mb, many_files=many_files))
        return made[-1]

    yield start
    for one in made:
        one.stop()
