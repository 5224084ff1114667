"""No setting is silently ignored: every field of the model changes the plan, or is refused by name.

The fields are enumerated from the model, so a new one without a case in `field_cases.py` fails. Those that
may be `null` are judged with that as well, and a scrape job's labels with each name that the stack itself
sets.
"""

import functools
import json
import re
import types
import typing
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from components.spec import Spec
from components.spec.consistency import JOB_LABELS, RESERVED_LABELS
from components.spec.problem import Refused
from targets import MODULES, plan, refusals
from tests import specs
from tests.field_cases import CASES, OPTIONAL, REFUSED, Path


def _stack(target: str = "local") -> Any:
    of = {"kubernetes": specs.on_kubernetes, "vsi": specs.on_servers, "aws": specs.on_aws}
    stack = of.get(target, specs.stack)()
    stack["environment"]["target"] = target
    stack["secrets"] = [
        {"name": "first", "source": "environment", "key": "FIRST"},
        {"name": "second", "source": "environment", "key": "SECOND"},
        *stack.get("secrets", ()),
    ]
    stack["alerting"]["teams"].append({"name": "unused", "receiver": "far"})
    stack["alerting"]["receivers"] += [
        {"name": "far", "kind": "ticket", "secret": "first"},
        {"name": "farther", "kind": "ticket", "secret": "second"},
    ]
    stack["services"][0].setdefault("traces", {})
    guarded = {
        "scheme": "https",
        "ca": "/etc/ssl/own.pem",
        "basic_auth": {"username": "prometheus", "secret": "first"},
    }
    stack["services"][4]["metrics"][0] |= guarded
    stack["metrics"]["scrape_jobs"].append({"name": "guarded", "targets": ["[::1]:9443"], **guarded})
    if target in ("kubernetes", "aws"):  # which have no file of a host
        for access in (stack["services"][4]["metrics"][0], stack["metrics"]["scrape_jobs"][-1]):
            del access["ca"]
    _read_files(stack, target)
    return stack


def _read_files(stack: Any, target: str) -> None:
    """As targets with hosts or pods do; target aws has no files, but what services write."""
    stack["services"][0]["logs"][0]["multiline"] = {"start_pattern": "^\\S"}
    if target == "aws":
        return
    stack["logging"].setdefault("inputs", []).append(
        {"name": "kernel", "path": "/var/log/kern.log", "format": "regex", "pattern": "^(?P<message>.*)$"}
    )
    stack["logging"]["inputs"][0]["multiline"] = {"start_pattern": "^\\S"}


def _spec(stack: Any) -> Spec:
    return Spec.model_validate_json(json.dumps(stack))


def _fields(model: type[BaseModel], here: str = "") -> list[str]:
    found: list[str] = []
    for name, field in model.model_fields.items():
        inner, many = _inner(field.annotation)
        path = f"{here}{name}{'[]' if many else ''}"
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += _fields(inner, f"{path}.")
        else:
            found.append(f"{here}{name}")
    return found


def _nullable(model: type[BaseModel], here: str = "") -> list[str]:
    """Every field that may be `null`, leaf or not."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        inner, many = _inner(field.annotation)
        if types.NoneType in typing.get_args(field.annotation):
            found.append(f"{here}{name}")
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += _nullable(inner, f"{here}{name}{'[]' if many else ''}.")
    return found


def _inner(annotation: Any, many: bool = False) -> tuple[Any, bool]:
    """The model inside `tuple[Model, ...]` or `Model | None`, and whether there are many of it."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation, many
    many = many or typing.get_origin(annotation) is tuple
    for argument in typing.get_args(annotation):
        if argument in (Ellipsis, types.NoneType):
            continue
        inner = _inner(argument, many)
        if isinstance(inner[0], type) and issubclass(inner[0], BaseModel):
            return inner
    return annotation, False


UNPLANNED = {
    "policy.": "excuses, which `obs preview --all` reads: it judges plans, and makes none",
    "logging.store.shared": "of a template: `obs cohort` reads it, tests/cohorts/test_sharing.py",
}
"""Sections that change no plan, and why. Their own tests say what they do:
tests/components/review/policy/test_waivers.py."""


def _planned_fields(fields: list[str]) -> list[str]:
    return [field for field in fields if not field.startswith(tuple(UNPLANNED))]


def test_every_field_of_the_model_has_a_case() -> None:
    assert sorted(_planned_fields(_fields(Spec))) == sorted(CASES)


def _given(field: str, target: str) -> Any:
    """The stack that a field is changed in."""
    given = _stack(target)
    if field == "alerting.sink":  # nobody is to need it
        given["alerting"]["receivers"] = [
            {"name": receiver["name"], "kind": "ticket", "secret": "first"}
            for receiver in given["alerting"]["receivers"]
        ]
    if field == "tracing.otlp.grpc":  # as here
        for service in given["services"]:
            service["traces"] = {"protocol": "otlp-http"}
    if target == "kubernetes" and field == "kubernetes.certificates.kind":
        given["kubernetes"]["certificates"] = {"issuer": "corp"}
    if target == "aws" and field in ("aws.traces", "aws.images.xray"):  # which keeps them so long, everywhere
        given["tracing"] |= {"retention": "30d", "storage": {}}
        if field == "aws.images.xray":
            given["aws"] = specs.account_with_xray()
    if target == "aws" and field == "aws.images.alertmanager":
        given["aws"] = specs.account_with_pairs()
    if target == "aws" and field == "aws.images.grafana":
        given["aws"] = specs.account_with_grafana()
    if target == "aws" and field == "aws.images.build.keep":
        given["aws"] = specs.account_with_images()
    if target == "aws" and field.startswith("aws.cluster."):
        given["aws"] = specs.account_with_cluster()
    return given


def _changed(field: str, target: str) -> Any:
    changed = _given(field, target)
    path, value = CASES[field]
    if (target, field) == ("aws", "alerting.sink"):
        value = True  # it has none
    if path[0] == "servers" and "servers" not in changed:
        changed["servers"] = specs.on_servers()["servers"]
    if path[0] == "aws" and "aws" not in changed:
        built = field == "aws.images.build.keep"
        changed["aws"] = specs.account_with_images() if built else specs.account_with_cluster()
    if path[0] == "kubernetes" and "kubernetes" not in changed:
        changed["kubernetes"] = specs.on_kubernetes()["kubernetes"]
    if target == "aws":
        _with_what_it_has_not(changed, path)
    place = _at(changed, path[:-1])
    if isinstance(place, dict):
        assert place.get(path[-1]) != value, "the case changes nothing"
    place[path[-1]] = value
    return changed


def _with_what_it_has_not(stack: Any, path: Path) -> None:
    """Target aws reads no file: what a case changes of one is put there first."""
    if path[:3] == ("services", 4, "logs"):
        stack["services"][4]["logs"] = specs.stack()["services"][4]["logs"]
    if path[:2] == ("logging", "inputs"):
        stack["logging"]["inputs"] = [
            {"name": "system", "path": "/var/log/syslog"},
            {"name": "kernel", "path": "/var/log/kern", "format": "regex", "pattern": "^(?P<message>.*)$"},
        ]
        if path[-2] == "multiline":
            stack["logging"]["inputs"][0]["multiline"] = {"start_pattern": "^\\S"}


def _at(stack: Any, path: Path) -> Any:
    """What stands at a path of a stack; sections that are not there are added."""
    place = stack
    for part in path:
        place = place.setdefault(part, {}) if isinstance(place, dict) else place[int(part)]
    return place


@functools.cache
def _planned(stack: str) -> str:
    return plan(_spec(json.loads(stack)), "test").model_dump_json()


TESTS_OF_RULES = ("metrics.rules.alerts[].fires.", "metrics.rules.alerts[].silent.")
"""They run where rules are written, and are not brought to a cluster or an account."""
STORE = "logging.store.tenants"
"""A stack that is a store for others has no services: tests/render/test_shared_store.py."""
PAIRS = [
    (target, field)
    for target in MODULES
    for field in sorted(CASES)
    if field != "environment.target"  # which is what tests here are run for
    and not (target in ("aws", "kubernetes") and field.startswith(TESTS_OF_RULES))
    and not (target == "local" and field == STORE)
]


@pytest.mark.parametrize(("target", "field"), [pair for pair in PAIRS if pair[1] not in REFUSED[pair[0]]])
def test_a_field_changes_the_plan(target: str, field: str) -> None:
    given, changed = _given(field, target), _changed(field, target)
    assert _planned(json.dumps(changed)) != _planned(json.dumps(given)), (
        f"{field} = {CASES[field][1]!r} is neither rendered nor refused"
    )


@pytest.mark.parametrize(("target", "field"), [pair for pair in PAIRS if pair[1] in REFUSED[pair[0]]])
def test_what_a_target_cannot_do_is_refused_by_name(target: str, field: str) -> None:
    with pytest.raises(Refused, match="target ") as caught:
        plan(_spec(_changed(field, target)), "test")
    [problem] = caught.value.problems
    named = re.sub(r"\[\d+]", "[]", problem.key)
    assert field == named or field.startswith(f"{named}."), "the setting, or the section in which it stands"


def _told(stack: Any) -> set[str]:
    """What a stack is refused for, as key paths without indices; empty if it is not."""
    try:
        spec = _spec(stack)
        problems = [problem.path for problem in (*spec.problems(), *refusals(spec))]
    except ValidationError as error:
        problems = [item["loc"] for item in error.errors()]
    return {".".join(str(part) for part in path if isinstance(part, str)) for path in problems}


NULLABLE = [(target, field) for target in MODULES for field in _planned_fields(_nullable(Spec))]


@pytest.mark.parametrize(("target", "field"), [pair for pair in NULLABLE if pair[1] not in REFUSED[pair[0]]])
def test_null_changes_the_plan_or_is_refused(target: str, field: str) -> None:
    """Null is compared with a value: the case's, or for a part of the model what stands there."""
    path, value = (OPTIONAL[field], None) if field in OPTIONAL else CASES[field]
    given, without = _given(field, target), _given(field, target)
    for stack in (given, without):
        place = _at(stack, path[:-1])
        if value is not None:
            place[path[-1]] = value
        elif path == OPTIONAL["services[].run"]:
            place["run"] = {"command": ["{python}"], "port_offset": 198}
        else:
            place.setdefault(path[-1], {})
    if path == OPTIONAL["services[].run"]:  # whose pods are known
        _at(given, path[:-1]).pop("selector", None)
    place[path[-1]] = None
    refused = _told(without) - {"secrets.name"}  # one that nobody asks for any more
    if refused:
        whole = ".".join(key for key in path if isinstance(key, str))
        assert all(f"{whole}.".startswith(f"{key}.") for key in refused), refused
    else:
        assert plan(_spec(without), "test") != plan(_spec(given), "test"), f"{field} = null does nothing"


@pytest.mark.parametrize("name", ["trace_id", *RESERVED_LABELS])
def test_a_scrape_jobs_label_is_in_the_plan_as_given_or_is_refused(name: str) -> None:
    stack = _stack()
    stack["metrics"]["scrape_jobs"][0]["labels"] = {name: "given"}
    if name not in JOB_LABELS:
        assert _told(stack) == {f"metrics.scrape_jobs.labels.{name}"}
        return
    assert not _told(stack)
    files = {path: text for part in plan(_spec(stack), "test").parts for path, text in part.readable}
    (scrape,) = yaml.safe_load(files["scrape/edge-router.yml"])["scrape_configs"]
    assert scrape["static_configs"][0]["labels"][name] == "given"
