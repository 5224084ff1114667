"""No test here depends on the ports of whoever runs it."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_port_base() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OBS_PORT_BASE", raising=False)
        yield
