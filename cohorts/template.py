"""From the template's stack file to that of a head: the same settings under another name, on other ports."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from cohorts import sharing
from cohorts.heads import Head
from cohorts.model import Cohort
from components.plan import Plan
from components.spec import Spec
from components.spec.problem import Problem
from stacks.loader import KEY, STACKS, load, stack_file
from stacks.source import parse
from targets import plan, refusals

OF_A_HEAD: Mapping[str, Any] = {"retain": False, "loopback": "guarded"}
"""What a head's `deploy` says whatever the template does: data goes with it, and its programs ask who dials
them, since others have a login on the same machine."""
STANDS_FOR = "tenant"
"""A tenant like all others, where only what it needs is asked."""


def template_of(cohort: Cohort, folder: Path = STACKS) -> Spec:
    """The template's spec; `StackFileError` with every problem of its file."""
    return load(cohort.template, folder, refusals)


def problems(cohort: Cohort, spec: Spec) -> list[Problem]:
    """What of the template cannot be had many times."""
    found = []
    if spec.environment.target != cohort.target:
        words = f"expected a stack for {cohort.target}: this one is for {spec.environment.target}"
        found.append(Problem(("template",), cohort.template, words))
    for secret in spec.secrets:
        if secret.source == "config":
            words = (
                f"secret {secret.name} is encrypted in the template's own configuration, which no other "
                "stack can read; expected `source: environment` there"
            )
            found.append(Problem(("template",), cohort.template, words))
    return found


def spec_of(spec: Spec, stack: str, port_base: int) -> Spec:
    """The spec of a head, with a store of its own."""
    environment = spec.environment.model_copy(update={"name": stack})
    deploy = spec.deploy.model_copy(update={"port_base": port_base, **OF_A_HEAD})
    return spec.model_copy(update={"environment": environment, "deploy": deploy})


def plan_of(spec: Spec, stack: str, port_base: int, store_base: int | None = None) -> Plan:
    """What a head puts into its target; `store_base` is the first port of the store that heads share."""
    own = spec_of(spec, stack, port_base)
    if store_base is not None:
        own = _changed(own, sharing.of_tenant(own, {}, STANDS_FOR, store_base))
    return plan(own, stack)


def store_plan_of(spec: Spec, stack: str, port_base: int) -> Plan:
    """What the store that heads share puts into its target, whoever they are."""
    own = spec_of(spec, stack, port_base)
    return plan(_changed(own, sharing.of_store(own, {}, [STANDS_FOR])), stack)


def text_of(cohort: Cohort, head: Head, folder: Path = STACKS, store: Head | None = None) -> str:
    """The stack file of a head. It says whose it is and until when; data goes when it is taken down."""
    content = _content(cohort, head, folder)
    if store and store.port_base:
        content |= sharing.of_tenant(template_of(cohort, folder), content, head.slug, store.port_base)
    return _text(cohort, head.person.email, content)


def store_text_of(cohort: Cohort, store: Head, tenants: Iterable[str], folder: Path = STACKS) -> str:
    """The stack file of the store that heads share; `tenants` are their slugs."""
    content = _content(cohort, store, folder)
    content = content | sharing.of_store(template_of(cohort, folder), content, tenants)
    return _text(cohort, "the cohort", content)


def with_tenants(text: str, tenants: Iterable[str]) -> str:
    """The text of a store's stack file with other tenants."""
    about = "".join(f"{line}\n" for line in text.splitlines() if line.startswith("#"))
    content = yaml.safe_load(text)
    content["config"][KEY]["logging"]["store"]["tenants"] = sorted(tenants)
    return about + dumped({"config": content["config"]})


def _content(cohort: Cohort, head: Head, folder: Path) -> dict[str, Any]:
    file = stack_file(cohort.template, folder)
    content: dict[str, Any] = parse(file, f"{folder.name}/{file.name}").plain()["config"][KEY]
    environment = {**content["environment"], "name": head.stack}
    deploy = {**content.get("deploy", {}), "port_base": head.port_base, **OF_A_HEAD}
    return {**content, "environment": environment, "deploy": deploy}


def _text(cohort: Cohort, owner: str, content: Mapping[str, Any]) -> str:
    about = (
        f"# A head of cohort {cohort.name}, made by `obs cohort create` of template {cohort.template}.\n"
        f"# cohort: {cohort.name}\n"
        f"# owner: {owner}\n"
        f"# expires: {cohort.expires.isoformat()}\n"
    )
    return about + dumped({"config": {KEY: dict(content)}})


def dumped(content: Mapping[str, Any]) -> str:
    """A stack file's text, but for comments."""
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000)
    return str(text)


def _changed(spec: Spec, sections: dict[str, Any]) -> Spec:
    """A spec with other sections, which are written as in a stack file, over what it has."""
    found = spec.model_dump(mode="json", exclude_unset=True) | sections
    return Spec.model_validate_json(json.dumps(found))


class _Dumper(yaml.SafeDumper):
    """Writes what the loader reads as the same: text that begins as a number might is in quotes."""


def _scalar(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if text[:1] in (*"+-.0123456789",) and text.isprintable() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _scalar)
_Dumper.add_representer(tuple, lambda dumper, value: dumper.represent_list(value))
