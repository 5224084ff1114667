"""A host at the end of a connection: this machine, by an SSH server of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vsi.ssh.server import Server, running
from vsi.ssh.reach import SshReach


@pytest.fixture(scope="session")
def server(lab_here: None) -> Iterator[Server]:
    with running() as made:
        yield made
        made.master().close()


@pytest.fixture
def over_ssh(server: Server, tmp_path: Path) -> SshReach:
    master = server.master()
    return SshReach(master.connection, master.login, tmp_path)
