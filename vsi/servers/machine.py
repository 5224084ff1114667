"""A server as one stack has it: folders of root's, the reach over SSH, systemd as the keeper."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from components.render.opensearch import TLS_LINK
from vsi.machine import Machine
from vsi.paths import StatePaths
from vsi.ssh.connection import Connection, Login
from vsi.ssh.reach import SshReach
from vsi.systemd.keeper import SystemdKeeper

ENGINES = "/opt/obs/engines"
"""Holds a folder for each engine, and in it one for each artifact."""
RUNTIME = "runtime"
"""The engine that this project's own programs run in."""


def server_paths(stack: str) -> StatePaths:
    """The folders of a stack on a server."""
    return StatePaths(Path("/var/lib/obs", stack), Path("/var/lib/private/obs", stack, "data"))


@dataclass(frozen=True)
class ServerPlaces:
    """Where engines are on a server, by the keys of their artifacts. See `vsi.paths.Places`."""

    keys: Mapping[str, str]
    code: str = ""

    @property
    def python(self) -> str:
        """In the artifact that holds it with all that our programs need."""
        return f"{self.folder(RUNTIME)}/bin/python"

    def folder(self, engine: str) -> str:
        """See `Places`."""
        if engine not in self.keys:
            raise FileNotFoundError("the plan names no artifact of it")
        return f"{ENGINES}/{engine}/{self.keys[engine]}"

    def executable(self, engine: str, name: str) -> str:
        """See `Places`: where it is in the artifact of the control machine's cache."""
        from engines.store import Store

        store = Store()
        inside = store.executable(engine, name).relative_to(store.locate(engine) or "/")
        return str(PurePosixPath(self.folder(engine), inside))


@dataclass(frozen=True)
class Server(Machine):
    """A machine of which several things can be asked in one round trip."""

    reach: SshReach
    keeper: SystemdKeeper


def server(stack: str, connection: Connection, login: Login, engines: Mapping[str, str]) -> Server:
    """The machine of a stack at the end of a connection."""
    paths, places = server_paths(stack), ServerPlaces(engines)
    reach = SshReach(connection, login, paths.root)
    return Server(
        paths,
        reach,
        SystemdKeeper(stack, paths, reach, places),
        places,
        file_mode=0o644,
        links={TLS_LINK: "../credentials"},
        credentials=True,
    )
