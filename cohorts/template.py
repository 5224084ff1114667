"""From the template's stack file to that of a head: the same settings under another name, on other ports."""

from pathlib import Path
from typing import Any

import yaml

from cohorts.heads import Head
from cohorts.model import Cohort
from components.plan import Plan
from components.spec import Spec
from components.spec.problem import Problem
from stacks.loader import KEY, STACKS, load, stack_file
from stacks.source import parse
from targets import plan, refusals


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
    """The spec of a head."""
    environment = spec.environment.model_copy(update={"name": stack})
    deploy = spec.deploy.model_copy(update={"port_base": port_base, "retain": False})
    return spec.model_copy(update={"environment": environment, "deploy": deploy})


def plan_of(spec: Spec, stack: str, port_base: int) -> Plan:
    """What a head puts into its target."""
    return plan(spec_of(spec, stack, port_base), stack)


def text_of(cohort: Cohort, head: Head, folder: Path = STACKS) -> str:
    """The stack file of a head. It says whose it is and until when; data goes when it is taken down."""
    file = stack_file(cohort.template, folder)
    content: dict[str, Any] = parse(file, f"{folder.name}/{file.name}").plain()["config"][KEY]
    environment = {**content["environment"], "name": head.stack}
    deploy = {**content.get("deploy", {}), "port_base": head.port_base, "retain": False}
    spec = {**content, "environment": environment, "deploy": deploy}
    written = yaml.dump(
        {"config": {KEY: spec}}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000
    )
    about = (
        f"# A head of cohort {cohort.name}, made by `obs cohort create` of template {cohort.template}.\n"
        f"# cohort: {cohort.name}\n"
        f"# owner: {head.person.email}\n"
        f"# expires: {cohort.expires.isoformat()}\n"
    )
    return about + str(written)


class _Dumper(yaml.SafeDumper):
    """Writes what the loader reads as the same: text that begins as a number might is in quotes."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if text[:1] in (*"+-.0123456789",) and text.isprintable() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(tuple, lambda dumper, value: dumper.represent_list(value))
