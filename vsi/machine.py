"""A host as one stack has it: where its folders are, the way to it, and who keeps its programs."""

from dataclasses import dataclass

from vsi.errors import DeployError
from vsi.keepers import Keeper, Program
from vsi.paths import StatePaths, UnitPaths, state_paths
from vsi.reach import Reach


@dataclass(frozen=True)
class Machine:
    """One stack on one host. Made anew for every command; remembers nothing."""

    paths: StatePaths
    reach: Reach
    keeper: Keeper

    def unit(self, name: str) -> UnitPaths:
        """The folders of a unit."""
        return self.paths.unit(name)

    def program(self, name: str) -> Program | None:
        """One program as its keeper sees it; None if it does not know it."""
        return self.keeper.program(name)


def machine_of(stack: str, host: str = "local") -> Machine:
    """The machine of a stack under the name that its plan has for it. Only this one exists yet."""
    if host != "local":
        raise DeployError(host, f"host {host!r}: expected 'local'; hosts over SSH do not exist yet")
    from vsi.local.reach import LocalReach
    from vsi.local.supervisor import Supervisor

    paths = state_paths(stack)
    return Machine(paths, LocalReach(paths.root), Supervisor(paths))
