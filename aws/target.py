"""An account of AWS as a target: `aws`. What is slow to import waits until it is needed."""

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws import cohort
from aws.images import Images
from aws.parts import (
    Archive,
    AwsPlan,
    Balancer,
    Cluster,
    Compute,
    Key,
    Network,
    Relay,
    Store,
    Task,
    Traces,
    Volumes,
    Watch,
    Workspace,
)
from aws.pods import Pod, Pods
from components.errors import SuiteError
from components.heads import Heads, Limit, Marked
from components.parity.written import Written
from components.spec import Spec
from components.spec.problem import Problem
from components.target import Access, Checked, Lacks, Obstacle, Outputs, Restored, StandIn, Target, UnitStatus

if TYPE_CHECKING:
    import pulumi

    from aws.contexts import Context
    from components.target import Deploy

RELAY = "agents/sns_relay.py"
"""From where the Pulumi program runs: the root of the project."""


def refusals(spec: Spec) -> list[Problem]:
    """What AWS, and this target, cannot do."""
    from aws.refusals import refusals

    return refusals(spec)


def plan(spec: Spec, stack: str) -> AwsPlan:
    """A part a pillar, and one a task."""
    from aws.plan import plan

    return plan(spec, stack)


def resources(plan: AwsPlan, secrets: "Mapping[str, pulumi.Output[str]]") -> "Deploy":
    """Resources of pulumi-aws. Who types `pulumi` by hand has a stand-in started here; what it is given for
    secrets is told to nobody."""
    from aws.resources.deploy import Deployed

    if plan.stand_in:
        import pulumi

        start_stand_in(plan.stack, plan)
        names = {name for part in plan.parts if isinstance(part, Relay | Task) for name, _ in part.given}
        secrets = {name: pulumi.Output.secret(f"https://{name}.invalid") for name in sorted(names)}
    if any(isinstance(part, Pods) for part in plan.parts):
        from aws.account.pods import provider

        provider()
    return Deployed(plan, RELAY, secrets, _adopted(plan), _contexts(plan))


def _adopted(plan: AwsPlan) -> dict[str, bool]:
    """Log groups that are there and not the stack's. A preview goes on without knowing them; what changes an
    account does not, or it would take one for its own, and delete it one day."""
    import pulumi

    from aws.account.adopted import adopted

    try:
        return adopted(plan)
    except SuiteError:
        if pulumi.runtime.is_dry_run():
            return {}
        raise


def variables(plan: AwsPlan) -> dict[str, str]:
    """Who logs Docker in where images are pushed."""
    from aws.login import variables

    return variables(plan)


def _contexts(plan: AwsPlan) -> "dict[str, Context]":
    """What images are built from. A preview goes on without knowing what was pushed before."""
    import pulumi

    from aws import login
    from aws.account.pushed import pushed
    from aws.contexts import contexts

    if not pulumi.runtime.is_dry_run():
        login.check(plan)
    try:
        before = pushed(plan)
    except SuiteError:
        if not pulumi.runtime.is_dry_run():
            raise
        before = {}
    return contexts(plan, before)


def access(spec: Spec, plan: AwsPlan, outputs: Outputs) -> Access:
    """There is no way into the network from here yet."""
    del spec, plan, outputs
    raise Lacks("where services and programs are is known in the network of the stack alone")


def written(spec: Spec, stack: str, files: Mapping[str, str]) -> Written:
    """What the files say."""
    from aws.written import written

    return written(spec, stack, files)


def preflight(plan: AwsPlan) -> list[Obstacle]:
    """What the account lacks for a plan."""
    from aws.account.preflight import preflight

    return preflight(plan)


def status(plan: AwsPlan) -> list[UnitStatus]:
    """How its parts are in the account."""
    from aws.account.status import status

    return status(plan)


def start_stand_in(stack: str, plan: AwsPlan | None) -> bool:
    """See `components.target.StandIn`."""
    from aws import stand_in

    if plan is None:  # of whichever target
        known = stand_in.recorded(stack)
        return stand_in.start(stack, known.port) if known else False
    if isinstance(plan, AwsPlan) and plan.stand_in:
        return stand_in.start(stack, plan.stand_in)
    return False


def end_stand_in(stack: str) -> bool:
    """See `components.target.StandIn`."""
    from aws import stand_in

    return stand_in.end(stack)


def restore(plan: AwsPlan, day: str, folder: str, speed: str) -> Restored:
    """A day of logs from the bucket of the archive."""
    from aws.account.restore import restore

    return restore(plan, date.fromisoformat(day), Path(folder), speed)


def checks(plan: AwsPlan) -> list[Checked]:
    """What `obs verify` asks the account."""
    from aws.account.verify import checks

    return checks(plan)


def survivors(plan: AwsPlan) -> list[tuple[str, str]]:
    """What has the stack's tag after it was taken down."""
    from aws.account.survivors import survivors

    return survivors(plan)


def limits(plan: AwsPlan) -> list[Limit]:
    """What a stack takes of the account's quotas."""
    from aws.account.limits import limits

    return limits(plan)


def marked(place: Mapping[str, Any], stacks: Collection[str] | None) -> list[Marked]:
    """What has the tag of these stacks, or of any head, whoever made it."""
    from aws.account.marked import marked

    return marked(place, stacks)


STAND_IN: StandIn[AwsPlan] = StandIn(start_stand_in, end_stand_in)
TARGET = Target(
    name="aws",
    kinds=(
        Archive,
        Balancer,
        Cluster,
        Compute,
        Images,
        Key,
        Network,
        Pod,
        Pods,
        Relay,
        Store,
        Task,
        Traces,
        Volumes,
        Watch,
        Workspace,
    ),
    refusals=refusals,
    plan=plan,
    resources=resources,
    access=access,
    written=written,
    preflight=preflight,
    variables=variables,
    status=status,
    stand_in=STAND_IN,
    restore=restore,
    checks=checks,
    survivors=survivors,
    heads=Heads(
        longest=cohort.LONGEST,
        refusals=cohort.refusals,
        settings=cohort.settings,
        here_mb=cohort.here_mb,
        hosts=lambda _: (),
        place=cohort.place,
        names=cohort.names,
        limits=limits,
        marked=marked,
    ),
)
"""Without `operate`: tasks are kept by ECS, and the AWS CLI tells their logs."""
