"""This machine as a target: `local`. What is slow to import waits until it is needed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from components.errors import SuiteError
from components.spec import Spec
from components.spec.problem import Problem
from components.target import Access, Kept, Obstacle, Operate, Outputs, Progress, Target, UnitStatus
from vsi.errors import DeployError
from vsi.paths import RELATIVE, state_paths
from vsi.reach import Look
from vsi.unit import HostPlan, HostUnit

if TYPE_CHECKING:
    import pulumi

    from components.target import Deploy


def refusals(spec: Spec) -> list[Problem]:
    """What one host cannot do."""
    from vsi.plan import refusals

    return refusals(spec)


def plan(spec: Spec, stack: str) -> HostPlan:
    """The units of one host."""
    from vsi.plan import plan

    return plan(spec, stack)


def resources(plan: HostPlan, secrets: "Mapping[str, pulumi.Output[str]]") -> "Deploy":
    """A dynamic resource for each unit. Says which ports pass from one unit to another, since the one is
    stopped for it."""
    import pulumi

    from vsi.handover import moves
    from vsi.machine import machine_of
    from vsi.provider import Unit

    engines = artifacts(plan)
    for move in moves(plan, machine_of(plan.stack)):
        pulumi.log.warn(str(move))

    def deploy(unit: HostUnit, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        return Unit(plan, unit, engines, secrets, opts)

    return deploy


def artifacts(plan: HostPlan) -> dict[str, str]:
    """Engine -> key of its artifact in the cache; SuiteError if one is not there.

    Nothing is built here, inside the Pulumi program: `obs up` and `obs preview` bring engines first."""
    from engines.store import Store

    store = Store()
    found = {engine: store.find(engine) for engine in plan.engines}
    missing = [engine for engine, artifact in found.items() if artifact is None]
    if missing:
        raise SuiteError(
            f"not in the cache of engines: {', '.join(missing)}. Run: obs engines build {' '.join(missing)}"
        )
    return {engine: artifact.key for engine, artifact in found.items() if artifact}


def access(spec: Spec, plan: HostPlan, outputs: Outputs) -> Access:
    """Over loopback and the state folder."""
    from vsi.local.access import access

    del outputs

    return access(spec, plan)


def preflight(plan: HostPlan) -> list[Obstacle]:
    """What this host lacks for a plan."""
    from vsi.preflight import preflight

    return preflight(plan)


def is_there(stack: str) -> bool:
    """Whether units of the stack were ever here, and what they left still is."""
    try:
        return _is_folder(stack, str(RELATIVE.units))
    except DeployError:
        return False


def units(stack: str, away: dict[str, str] | None = None) -> list[str]:
    """Those that were applied here, which is never away."""
    del away
    from vsi import host
    from vsi.machine import machine_of

    return list(host.records(machine_of(stack)))


def status(stack: str) -> list[UnitStatus]:
    """Every unit, asked whether it serves."""
    from vsi import host
    from vsi.machine import machine_of

    return host.status(machine_of(stack))


def logs(
    stack: str, units: list[str], *, follow: bool, lines: int, over: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """What units wrote to standard output and error."""
    from vsi import host
    from vsi.machine import machine_of

    return host.logs(machine_of(stack), units, follow=follow, lines=lines, over=over)


def log(stack: str, unit: str) -> str:
    """The folder of a unit's log."""
    there = _is_folder(stack, str(RELATIVE.unit(unit).log))
    return str(state_paths(stack).unit(unit).log) if there else ""


def _is_folder(stack: str, path: str) -> bool:
    from vsi.machine import machine_of

    found = machine_of(stack).reach.look(Look(at=(path,))).get(path)
    return found is not None and found.kind == "folder"


def stop(stack: str, units: list[str] | None, progress: Progress) -> None:
    """Under the supervisor."""
    from vsi import host
    from vsi.machine import machine_of

    host.stop(machine_of(stack), units, progress=progress)


def start(stack: str, units: list[str] | None, progress: Progress) -> Sequence[SuiteError]:
    """Under the supervisor, which is started too."""
    from vsi import host
    from vsi.machine import machine_of

    return host.start(machine_of(stack), units, progress=progress)


def remove(stack: str, told: Callable[[str], None]) -> None:
    """By the records of this host."""
    from vsi import forgotten
    from vsi.machine import machine_of

    forgotten.remove(machine_of(stack), told)


def kept(stack: str) -> list[Kept]:
    """The data of units, and the secrets that protect it."""
    from vsi.machine import machine_of

    machine, data, secrets = machine_of(stack), str(RELATIVE.unit("*").data), str(RELATIVE.secrets)
    facts = machine.reach.look(Look(at=(f"{data}/*", f"{secrets}/*")))
    units = facts.names(str(RELATIVE.units))
    folders = [*(str(RELATIVE.unit(unit).data) for unit in units), secrets]
    paths = [str(machine.paths.root / folder) for folder in folders if facts.names(folder)]
    return [Kept(path, machine.reach.folder_size(path)) for path in paths]


def look_ahead(stack: str) -> None:
    """This machine answers at once: what asks it is imported."""
    from threading import Thread

    del stack
    Thread(target=_import_provider, name="imports", daemon=True).start()


def _import_provider() -> None:
    import vsi.provider  # noqa: F401


TARGET = Target(
    name="local",
    kinds=(HostUnit,),
    refusals=refusals,
    plan=plan,
    resources=resources,
    access=access,
    preflight=preflight,
    operate=Operate(
        is_there=is_there,
        units=units,
        status=status,
        logs=logs,
        log=log,
        stop=stop,
        start=start,
        remove=remove,
        kept=kept,
        look_ahead=look_ahead,
    ),
)
