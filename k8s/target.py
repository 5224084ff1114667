"""A cluster as a target: `kubernetes`. What is slow to import waits until it is needed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.parity.written import Written
from components.spec import Spec
from components.spec.problem import Problem
from components.target import Access, Lacks, Outputs, Target
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
    from k8s.resources import resources

    return resources(plan, secrets)


def access(spec: Spec, plan: KubernetesPlan, outputs: Outputs) -> Access:
    """There is no way to the pods from here yet."""
    del spec, plan, outputs
    raise Lacks("target kubernetes has no `obs verify` yet: ask the cluster with kubectl")


def written(spec: Spec, stack: str, files: Mapping[str, str]) -> Written:
    """What rendered files say."""
    from k8s.written import written

    return written(spec, stack, files)


TARGET = Target(
    name="kubernetes",
    kinds=(Release, Manifest, StackKeys),
    refusals=refusals,
    plan=plan,
    resources=resources,
    access=access,
    written=written,
)
"""Without `operate`: `kubectl` and `helm` tell status and logs."""
