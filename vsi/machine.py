"""A host as one stack has it: where its folders are, the way to it, and who keeps its programs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.render.opensearch import TLS_LINK
from vsi.changes import PRIVATE_FILE, folder_of
from vsi.keepers import Keeper, Program
from vsi.paths import Cache, Places, StatePaths, Tokens, UnitPaths, View, state_paths
from vsi.reach import Reach
from vsi.site import FOLDERS
from vsi.ssh.connection import Connection, Login


@dataclass(frozen=True)
class Machine:
    """One stack on one host. Made anew for every command; remembers nothing."""

    paths: StatePaths
    reach: Reach
    keeper: Keeper
    places: Places = field(default_factory=Cache)
    file_mode: int = PRIVATE_FILE
    """Of what units read, but secrets: who may enter the state folder may read it."""
    links: Mapping[str, str] = field(default_factory=lambda: {TLS_LINK: FOLDERS.certificates})
    """Symbolic links in each conf folder, by name."""
    credentials: bool = False
    """Whether each unit finds its secrets and certificates in a folder of its own, and no others."""

    @property
    def folder_mode(self) -> int:
        """Of folders of what units read."""
        return folder_of(self.file_mode)

    @property
    def relative(self) -> StatePaths:
        """Paths as a `Look` names them."""
        return StatePaths(Path(), self.paths.kept)

    def tokens(self, unit: str, *, staged: bool = False) -> Tokens:
        """What the tokens of a unit's commands stand for, when we run them; `{conf}` may be the staged
        copy."""
        return Tokens(unit, View.of(self.paths, unit, staged=staged), self.places)

    def unit(self, name: str) -> UnitPaths:
        """The folders of a unit."""
        return self.paths.unit(name)

    def program(self, name: str) -> Program | None:
        """One program as its keeper sees it; None if it does not know it."""
        return self.keeper.program(name)


NO_LOGIN = Login()


def machine_of(
    stack: str,
    connection: Connection | None = None,
    login: Login = NO_LOGIN,
    engines: Mapping[str, str] | None = None,
) -> Machine:
    """The machine of a stack: this one, or that to which a connection leads. `engines` are the keys of the
    artifacts that the commands of a server's units name; without, those commands cannot be told."""
    if connection is not None:
        from vsi.servers.machine import server

        return server(stack, connection, login, engines or {})
    from vsi.local.reach import LocalReach
    from vsi.local.supervisor import Supervisor

    paths = state_paths(stack)
    return Machine(paths, LocalReach(paths.root), Supervisor(paths))
