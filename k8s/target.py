"""A cluster as a target: `kubernetes`. What is slow to import waits until it is needed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from components.errors import SuiteError
from components.parity.written import Written
from components.plan import Part
from components.spec import Spec
from components.spec.problem import Problem
from components.target import (
    Access,
    Kept,
    Obstacle,
    Operate,
    Outputs,
    Progress,
    Target,
    UnitStatus,
)
from k8s.parts import KubernetesPlan, Manifest, Release, StackKeys

if TYPE_CHECKING:
    import pulumi

    from components.target import Deploy


def refusals(spec: Spec) -> list[Problem]:
    """What a cluster cannot do."""
    from k8s.refusals import refusals

    return refusals(spec)


def plan(spec: Spec, stack: str) -> KubernetesPlan:
    """Releases and objects of one namespace."""
    from k8s.plan import plan

    return plan(spec, stack)


def resources(plan: KubernetesPlan, secrets: "Mapping[str, pulumi.Output[str]]") -> "Deploy":
    """Resources of pulumi-kubernetes."""
    import pulumi

    from k8s.cluster import Api
    from k8s.pending import free
    from k8s.record import remember
    from k8s.resources import resources

    if not pulumi.runtime.is_dry_run():
        remember(plan)
        for freed in free(plan, Api(plan.cluster)):
            pulumi.log.warn(f"an earlier run was interrupted: its mark on release {freed} is taken away")
    return resources(plan, secrets)


def access(spec: Spec, plan: KubernetesPlan, outputs: Outputs) -> Access:
    """Port-forwards, the engine's state, and what the cluster says."""
    from k8s.access import access

    return access(spec, plan, outputs)


def written(spec: Spec, stack: str, files: Mapping[str, str]) -> Written:
    """What rendered files say."""
    from k8s.written import written

    return written(spec, stack, files)


def made_of(kind: type[Part], inputs: Mapping[str, Any]) -> Mapping[str, str]:
    """The objects of a release."""
    from k8s.manifests import manifests

    return manifests(inputs) if kind is Release else {}


def preflight(plan: KubernetesPlan) -> list[Obstacle]:
    """What the cluster lacks for a plan."""
    from k8s.preflight import preflight

    return preflight(plan)


def is_there(stack: str) -> bool:
    """Whether a stack was brought up from here."""
    from k8s.record import is_there

    return is_there(stack)


def units(stack: str, away: dict[str, str] | None = None) -> list[str]:
    """See `Units`."""
    from k8s import operate

    return operate.units(stack, away)


def status(stack: str) -> list[UnitStatus]:
    """A row a workload."""
    from k8s import operate

    return operate.status(stack)


def logs(
    stack: str, units: list[str], *, follow: bool, lines: int, over: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """See `Logs`."""
    from k8s import operate

    return operate.logs(stack, units, follow=follow, lines=lines, over=over)


def log(stack: str, unit: str) -> str:
    """Where the log of a unit is."""
    return f"obs logs {stack} {unit}"


def stop(stack: str, units: list[str] | None, progress: Progress) -> None:
    """Refused: see there."""
    from k8s import operate

    operate.stop(stack, units, progress)


def start(stack: str, units: list[str] | None, progress: Progress) -> Sequence[SuiteError]:
    """Refused: see there."""
    from k8s import operate

    operate.start(stack, units, progress)


def remove(stack: str, told: Callable[[str], None]) -> None:
    """Wait for what the cluster clears away."""
    from k8s import operate

    operate.remove(stack, told)


def kept(stack: str) -> list[Kept]:
    """Volumes that a destroy leaves."""
    from k8s import operate

    return operate.kept(stack)


TARGET = Target(
    name="kubernetes",
    kinds=(Release, Manifest, StackKeys),
    refusals=refusals,
    plan=plan,
    resources=resources,
    access=access,
    written=written,
    made_of=made_of,
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
    ),
)
