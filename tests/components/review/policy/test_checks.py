"""Each check with an example that fails and one that passes."""

import json
from dataclasses import dataclass
from typing import Any, get_args

import pytest

from aws.policies import WILDCARDS
from components.review.described import Described, DescribedPart
from components.review.policy.judged import BY_NAME, CHECKS, judge
from components.review.policy.of_parts import MAY_HAVE_WILDCARD
from components.review.policy.of_settings import MINIMUM
from components.review.stack import StackReview
from components.review.step import PartStep, Step
from components.spec import Environment
from components.spec.policy import Check
from tests import specs
from tests.described import described

TODAY = "2026-11-29"
RULES = """
groups:
- name: own
  rules:
  - alert: CartIsSlow
    expr: cart_seconds > 1
    labels: {severity: warning, team: %s}
    annotations: {summary: Slow%s}
"""


def _part(kind: str = "Manifest", files: dict[str, str] | None = None, **settings: Any) -> DescribedPart:
    return DescribedPart(id="thing@place", kind=kind, pillar="metrics", files=files or {}, settings=settings)


def _pod(image: str = "registry.example/a:1.2", **container: Any) -> DescribedPart:
    limited = {"name": "main", "image": image, "resources": {"limits": {"memory": "64Mi"}}, **container}
    return _object("Deployment", template={"spec": {"containers": [limited]}})


def _of_text(part: DescribedPart) -> DescribedPart:
    """As parts hold objects that are filled in later."""
    return _part("Pod", objects=json.dumps([{"kind": "Deployment", "body": part.settings["body"]}]))


def _object(kind: str, labelled: bool = True, **spec: Any) -> DescribedPart:
    labels = {"app.kubernetes.io/part-of": "shop"} if labelled else {}
    return _part(kind="Manifest", body={"metadata": {"labels": labels}, "spec": spec}, of=kind)


def _service(kind: str) -> DescribedPart:
    made = _object("Service", type=kind)
    return made.model_copy(update={"settings": {**made.settings, "kind": "Service"}})


def _policy(action: str, resource: str, **more: Any) -> DescribedPart:
    statement = {"Effect": "Allow", "Action": [action], "Resource": [resource], **more}
    return _part("Task", task_policy=json.dumps({"Statement": [statement]}))


def _with_role(action: str, resource: str) -> DescribedPart:
    role = {"name": "nodes", "policy": _policy(action, resource).settings["task_policy"], "managed": []}
    return _part("Cluster", roles=[role])


def _stack(*parts: DescribedPart, tier: str = "staging", **spec: Any) -> Described:
    whole = {"environment": {"tier": tier}, "alerting": {"teams": [{"name": "payments"}]}, **spec}
    return Described(stack="shop", target="x", spec=whole, parts=parts)


def _kept(logs: str) -> dict[str, Any]:
    return {"logging": {"retention": logs}}


def _aws(**tags: str) -> dict[str, Any]:
    return {"aws": {"account": "123456789012", "tags": tags}}


def _ingress(**more: str) -> dict[str, Any]:
    return {"kubernetes": {"ingress": {"host": "obs.example.com", **more}}}


def _options(**options: str) -> dict[str, Any]:
    return {
        "services": [{"name": "pay", "run": {"options": options}}],
        "secrets": [{"name": "db-login", "source": "environment", "key": "DB"}],
    }


def _rules(team: str, runbook: str = ", runbook: https://runbooks.example/slow") -> DescribedPart:
    return _part(files={"rules/own.yml": RULES % (team, runbook)})


@dataclass(frozen=True)
class Example:
    """A stack, and the place that is found in it; '' if it passes."""

    check: str
    stack: Described
    found: str = ""


EXAMPLES = [
    Example("alert-without-owner", _stack(_rules("nobody")), "alert CartIsSlow"),
    Example("alert-without-owner", _stack(_rules("payments", "")), "alert CartIsSlow"),
    Example("alert-without-owner", _stack(_rules("payments"))),
    Example("image-not-pinned", _stack(_pod("registry.example:5000/a")), "thing@place"),
    Example("image-not-pinned", _stack(_pod("registry.example/a:latest")), "thing@place"),
    Example("image-not-pinned", _stack(_pod(), tier="prod"), "thing@place"),
    Example("image-not-pinned", _stack(_pod())),
    Example("image-not-pinned", _stack(_pod(f"registry.example/a@sha256:{'0' * 64}"), tier="prod")),
    Example("limit-missing", _stack(_pod(resources={"requests": {"memory": "64Mi"}})), "thing@place"),
    Example("limit-missing", _stack(_pod())),
    Example("limit-missing", _stack(_of_text(_pod(resources={}))), "thing@place"),
    Example("limit-missing", _stack(_of_text(_pod()))),
    Example("image-not-pinned", _stack(_of_text(_pod("registry.example/a:latest"))), "thing@place"),
    Example("public-endpoint", _stack(**_ingress()), "kubernetes.ingress.host"),
    Example("public-endpoint", _stack(**_ingress(tls_secret="pages"))),
    Example("public-endpoint", _stack(_service("LoadBalancer")), "thing@place"),
    Example("public-endpoint", _stack(_service("ClusterIP"))),
    Example(
        "public-endpoint", _stack(_part("Release", values={"service": {"type": "NodePort"}})), "thing@place"
    ),
    Example("public-endpoint", _stack(_policy("s3:GetObject", "arn:x", Principal="*")), "thing@place"),
    Example("public-endpoint", _stack(_policy("s3:GetObject", "arn:x", Principal={"Service": "x"}))),
    Example("retention-too-short", _stack(tier="prod", **_kept("7d")), "logging.retention"),
    Example("retention-too-short", _stack(tier="prod", **_kept("30d"))),
    Example("retention-too-short", _stack(tier="staging", **_kept("1w"))),
    Example("secret-in-plain", _stack(**_options(password="hunter2")), "services[0].run.options.password"),
    Example(
        "secret-in-plain",
        _stack(**_options(url="https://me:hunter2@x.example")),
        "services[0].run.options.url",
    ),
    Example("secret-in-plain", _stack(**_options(password="db-login", mode="token"))),
    Example("tag-missing", _stack(**_aws()), "aws.tags.cost_centre"),
    Example("tag-missing", _stack(tier="dev", **_aws(cost_centre="shop")), "aws.tags.expiry"),
    Example("tag-missing", _stack(**_aws(cost_centre="shop"))),
    Example("tag-missing", _stack(tier="dev", aws={**_aws()["aws"], "stand_in": True})),
    Example("tag-missing", _stack(_object("ConfigMap", labelled=False)), "thing@place"),
    Example("tag-missing", _stack(_object("ConfigMap"))),
    Example("wildcard-permission", _stack(_policy("s3:*", "arn:x")), "thing@place"),
    Example("wildcard-permission", _stack(_policy("s3:GetObject", "*")), "thing@place"),
    Example("wildcard-permission", _stack(_policy("s3:GetObject", "arn:x"))),
    Example("wildcard-permission", _stack(_with_role("s3:GetObject", "*")), "thing@place"),
    Example("wildcard-permission", _stack(_with_role("s3:GetObject", "arn:x"))),
    Example("wildcard-permission", _stack(_policy("ecr:GetAuthorizationToken", "*"))),
    Example(
        "wildcard-permission",
        _stack(_part(values={"rules": [{"verbs": ["*"], "resources": ["pods"]}]})),
        "thing@place",
    ),
    Example(
        "wildcard-permission", _stack(_part(values={"rules": [{"verbs": ["get"], "resources": ["pods"]}]}))
    ),
]


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda example: f"{example.check}: {example.found or 'passes'}"
)
def test_an_example_fails_or_passes(example: Example) -> None:
    found = [judged.finding for judged in judge(example.stack, StackReview(), TODAY)]
    assert [finding.where for finding in found if finding.check == example.check] == (
        [example.found] if example.found else []
    )


def test_what_is_lost_fails_where_it_is_destroyed_and_is_told_where_it_is_kept_shorter() -> None:
    step = Step("retention of logs", "changed", "30 days", "7 days", "log records go", "logging.retention")
    part = PartStep("opensearch@obs-1", "removed", loses="log records and traces are deleted.")
    found = judge(_stack(), StackReview((step,), (part,)), TODAY)
    assert [(judged.finding.where, judged.counts) for judged in found] == [
        ("opensearch@obs-1", True),
        ("logging.retention", False),
    ]
    assert judge(_stack(), StackReview((), (PartStep("pages@obs-1", "removed"),)), TODAY) == []


def test_every_check_has_a_reason_and_both_examples() -> None:
    assert set(BY_NAME) == set(get_args(Check))
    for check in CHECKS:
        assert check.reason.endswith(".")
        if check.find:
            assert {bool(example.found) for example in EXAMPLES if example.check == check.name} == {
                True,
                False,
            }


def test_a_secret_in_plain_is_not_repeated() -> None:
    (found,) = judge(_stack(**_options(password="hunter2-hunter2")), StackReview(), TODAY)
    assert "hunter2" not in repr(found)


def test_the_wildcards_are_those_that_the_target_gives_a_reason_for() -> None:
    assert set(MAY_HAVE_WILDCARD) == set(WILDCARDS)


def test_each_tier_has_a_minimum() -> None:
    assert set(MINIMUM) == set(get_args(Environment.model_fields["tier"].annotation))


@pytest.mark.parametrize(
    "now",
    [specs.spec, specs.spec_on_servers, specs.spec_on_aws],
    ids=["here", "servers", "aws"],
)
def test_the_shop_of_tests_is_not_against_policy_by_what_the_code_decides(now: Any) -> None:
    found = judge(described(now()), StackReview(), TODAY)
    assert [judged for judged in found if judged.counts and not judged.finding.setting] == []


def test_the_shop_in_a_cluster_is_only_open_where_it_says_so() -> None:
    found = judge(described(specs.spec_on_kubernetes()), StackReview(), TODAY)
    assert [judged.finding.where for judged in found if judged.counts] == ["kubernetes.ingress.host"]
