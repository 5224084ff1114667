"""Plain servers as a target: `vsi`. What is slow to import waits until it is needed: the plan and all that
renders it too, since what only reads has no use for them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from components.errors import SuiteError
from components.heads import Heads
from components.parity.written import Written
from components.plan import Part
from components.spec import Spec
from components.spec.problem import Problem
from components.target import (
    Access,
    Departed,
    Kept,
    Obstacle,
    Operate,
    Outputs,
    Progress,
    Run,
    Target,
    UnitStatus,
)
from vsi.errors import DeployError
from vsi.servers import cohort
from vsi.servers.parts import HostReady, StackKeys
from vsi.unit import HostUnit

if TYPE_CHECKING:
    import pulumi

    from components.target import Deploy
    from vsi.servers.plan import ServersPlan


def refusals(spec: Spec) -> list[Problem]:
    """What servers cannot do."""
    from vsi.servers.refusals import refusals

    return refusals(spec)


def plan(spec: Spec, stack: str) -> "ServersPlan":
    """The units of every host, the hosts made ready, and the stack's keys."""
    from vsi.servers.plan import plan

    return plan(spec, stack)


def resources(plan: "ServersPlan", secrets: "Mapping[str, pulumi.Output[str]]") -> "Deploy":
    """A dynamic resource for the keys, for each host, and for each unit."""
    import pulumi

    from engines.pack import packed
    from vsi.provider import Unit
    from vsi.servers.keys import Keys
    from vsi.servers.known import Known, remember
    from vsi.servers.ready_host import Ready

    engines = {name: engine.key for name, engine in packed(plan.engines).items()}
    if not pulumi.runtime.is_dry_run():
        remember(plan.stack, Known.of(plan))
    made: list[Keys] = []

    def deploy(part: Part, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        if isinstance(part, StackKeys):
            made.append(Keys(part, opts))
            return made[0]
        if isinstance(part, HostReady):
            return Ready(plan, part, engines, made[0], opts)
        if isinstance(part, HostUnit):
            return Unit(plan, part, engines, {**made[0].secret_inputs(part.secrets), **secrets}, opts)
        raise TypeError(f"{part.id} is no part of this target")

    return deploy


def access(spec: Spec, plan: "ServersPlan", outputs: Outputs) -> Access:
    """Over the network, with the operator's certificate."""
    from vsi.servers.access import access

    return access(spec, plan, outputs)


def preflight(plan: "ServersPlan") -> list[Obstacle]:
    """What the hosts lack for a plan, all asked at once."""
    from vsi.servers.preflight import preflight

    return preflight(plan)


def is_there(stack: str) -> bool:
    """Whether anything was ever planned for servers from here. What stands there, the hosts tell."""
    from vsi.servers.known import recall

    try:
        return recall(stack) is not None
    except DeployError:  # no name that a stack could have; or a file that tells nothing
        return False


def units(stack: str, away: dict[str, str] | None = None) -> list[str]:
    """What was applied, by id."""
    from vsi.servers import operate

    return operate.units(stack, away)


def status(stack: str) -> list[UnitStatus]:
    """Every unit of every host."""
    from vsi.servers import operate

    return operate.status(stack)


def logs(
    stack: str, units: list[str], *, follow: bool, lines: int, over: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """What units wrote."""
    from vsi.servers import operate

    return operate.logs(stack, units, follow=follow, lines=lines, over=over)


def log(stack: str, unit: str) -> str:
    """The journal of its host has it: `obs logs` asks there."""
    del stack, unit
    return ""


def stop(stack: str, units: list[str] | None, progress: Progress) -> None:
    """On all hosts at once."""
    from vsi.servers import operate

    operate.stop(stack, units, progress)


def start(stack: str, units: list[str] | None, progress: Progress) -> Sequence[SuiteError]:
    """On all hosts at once."""
    from vsi.servers import operate

    return operate.start(stack, units, progress)


def remove(stack: str, told: Callable[[str], None]) -> None:
    """By the records of the hosts."""
    from vsi.servers import operate

    operate.remove(stack, told)


def kept(stack: str) -> list[Kept]:
    """The data of units, on each host."""
    from vsi.servers import operate

    return operate.kept(stack)


def departed(stack: str, planned: Collection[str]) -> list[Departed]:
    """Hosts that left the inventory, with all that stands there."""
    from vsi.servers import operate

    return operate.departed(stack, planned)


def look_ahead(stack: str) -> None:
    """At all hosts; what reads them is imported meanwhile."""
    from threading import Thread

    from vsi.servers import snapshot

    snapshot.ahead(stack)
    Thread(target=_import_providers, name="imports", daemon=True).start()


def _import_providers() -> None:
    import vsi.provider
    import vsi.servers.keys
    import vsi.servers.ready_host  # noqa: F401


def alone(run: Run, plan: "ServersPlan | None") -> AbstractContextManager[None]:
    """By a lock on each host."""
    from vsi.servers.alone import alone

    return alone(run, plan)


def noted(stack: str) -> str:
    """The hosts, and how they are reached."""
    from vsi.servers.known import text

    return text(stack)


def written(spec: Spec, stack: str, files: Mapping[str, str]) -> Written:
    """What rendered files say."""
    from vsi.servers.written import written

    return written(spec, stack, files)


TARGET = Target(
    name="vsi",
    kinds=(HostUnit, HostReady, StackKeys),
    refusals=refusals,
    plan=plan,
    resources=resources,
    access=access,
    preflight=preflight,
    operate=Operate["ServersPlan"](
        is_there=is_there,
        units=units,
        status=status,
        logs=logs,
        log=log,
        stop=stop,
        start=start,
        remove=remove,
        kept=kept,
        departed=departed,
        alone=alone,
        noted=noted,
        look_ahead=look_ahead,
    ),
    written=written,
    heads=Heads(
        longest=cohort.LONGEST,
        refusals=cohort.refusals,
        settings=cohort.settings,
        here_mb=lambda _: 0,
        hosts=cohort.hosts,
        place=cohort.place,
        names=lambda _: {},
        limits=lambda _: [],
        marked=cohort.marked,
    ),
)
