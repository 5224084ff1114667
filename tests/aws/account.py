"""Pulumi mocks whose resources are really made, by boto3 in moto: botocore judges the parameters, and a test
asks AWS afterwards what there is.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pulumi
import pytest
from moto import mock_aws
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

from aws.contexts import Context
from aws.parts import AwsPlan
from aws.resources.deploy import Deployed
from components.plan import Part
from components.spec import Spec
from tests import specs
from tests.aws import operations
from tests.aws.ground import ONE_AT_A_TIME, REGION, Inputs, Made
from tests.aws.making import ASK, MAKE
from tests.aws.reading import NAMED
from tests.aws.values import SECRET, whole
from tests.loops import event_loop

CONFIG: Any = {"iam": {"load_aws_managed_policies": True}}
"""moto does not have AWS's own policies unless it is told to."""
RELAY = "agents/sns_relay.py"


def spec(**changes: Any) -> Spec:
    """The shop as it goes to AWS."""
    return specs.spec_on_aws(**changes)


def with_pairs(**changes: Any) -> Spec:
    """The same with a Prometheus and an Alertmanager of its own, two of each."""
    stack = specs.on_aws(**changes)
    stack["aws"] = specs.account_with_pairs()
    return Spec.model_validate_json(json.dumps(stack))


def with_cluster(**changes: Any) -> Spec:
    """The same with a cluster of EKS, whose settings are changed."""
    stack = specs.on_aws()
    stack["aws"] = specs.account_with_cluster(**changes)
    return Spec.model_validate_json(json.dumps(stack))


def with_pods(**changes: Any) -> Spec:
    """The same, whose programs are pods of that cluster."""
    stack = specs.on_aws(**changes)
    stack["aws"] = specs.account_with_pods()
    return Spec.model_validate_json(json.dumps(stack))


def without_account(patch: pytest.MonkeyPatch) -> None:
    """Credentials that are none: nothing here can reach the real AWS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        patch.setenv(name, "testing")
    patch.setenv("AWS_DEFAULT_REGION", REGION)
    patch.delenv("AWS_PROFILE", raising=False)


class InMoto(Mocks):
    """Makes each resource in moto, and gives back the id and what else AWS named."""

    def __init__(self) -> None:
        self.made: dict[str, Inputs] = {}
        """Name of a resource -> its inputs, as the engine gets them."""

    def new_resource(self, args: MockResourceArgs) -> Made:
        given = whole(args.inputs)
        self.made[args.name] = dict(args.inputs)
        if args.resource_id:
            return args.resource_id, self.taken_over(args.typ, args.resource_id, given)
        if args.typ not in MAKE:
            return args.name, given  # components and the provider
        with ONE_AT_A_TIME:
            id_, more = MAKE[args.typ](given)
        return id_, {**given, **more}

    def taken_over(self, token: str, id_: str, given: Inputs) -> Inputs:
        """As the engine: what is imported is there, and is what it is told to be."""
        with ONE_AT_A_TIME:
            there = operations.read(token, id_, {})
        assert there is not None, f"{id_} is not there"
        assert operations.differing(token, there, given) == ([], []), f"{id_} cannot be imported as it is"
        return {**given, **NAMED[token](id_)}

    def call(self, args: MockCallArgs) -> tuple[Inputs, list[tuple[str, str]] | None]:
        with ONE_AT_A_TIME:
            return ASK[args.token](whole(args.args)), []


@contextmanager
def deployed(
    plan: AwsPlan,
    kind: type[InMoto] = InMoto,
    before: Callable[[], object] = lambda: None,
    adopted: dict[str, bool] | None = None,
    contexts: dict[str, Context] | None = None,
) -> Iterator[dict[str, Inputs]]:
    """A plan in an account of moto's: what each resource was given, by its name. `kind` makes them; `before`
    is done first."""
    with mock_aws(config=CONFIG), event_loop():
        before()
        mocks = kind()
        pulumi.runtime.set_mocks(mocks, project="observability", stack=plan.stack)

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        def run() -> None:
            secrets = {item.name: pulumi.Output.secret(f"value-of-{item.name}") for item in plan.secrets}
            deploy = Deployed(plan, RELAY, secrets, adopted, contexts)
            made: dict[str, pulumi.Resource] = {}
            for part in plan.parts:
                after = [made[need] for need in part.needs]
                made[part.id] = deploy(part, pulumi.ResourceOptions(depends_on=after))

        run()
        yield mocks.made


@contextmanager
def by_itself(plan: AwsPlan) -> Iterator[dict[str, Inputs]]:
    """The same, without credentials: for fixtures that last longer than a test."""
    with pytest.MonkeyPatch.context() as patch:
        without_account(patch)
        with deployed(plan) as resources:
            yield resources


def document(text: str) -> Any:
    """A policy, however AWS gives it back."""
    return json.loads(text) if isinstance(text, str) else text


def part(plan: AwsPlan, name: str) -> Part:
    """The one part of that name."""
    found: Part
    [found] = [item for item in plan.parts if item.name == name]
    return found


__all__ = [
    "REGION",
    "SECRET",
    "deployed",
    "document",
    "part",
    "spec",
    "with_pairs",
    "with_pods",
    "without_account",
]
