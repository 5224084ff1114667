"""From the template's stack file to that of a head: the same settings under another name, on other ports."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from cohorts import sharing
from cohorts.heads import Head, room_for_slugs
from cohorts.model import Cohort
from components.heads import AnyHeads, Who
from components.plan import Plan
from components.spec import Spec
from components.spec.problem import AsWritten, Problem
from stacks.loader import KEY, STACKS, load, stack_file
from stacks.source import parse
from targets import plan, refusals, target

OF_A_HEAD: Mapping[str, Any] = {"retain": False, "loopback": "guarded"}
"""What the `deploy` of a head on this machine says whatever the template does: data goes with it, and its
programs ask who dials them, since others have a login on the same machine."""
SHORTEST_SLUG = 4
"""Letters that there must be for a participant in the name of a stack."""
STANDS_FOR = "tenant"
"""A tenant like all others, where only what it needs is asked."""


def template_of(cohort: Cohort, folder: Path = STACKS) -> Spec:
    """The template's spec; `StackFileError` with every problem of its file."""
    return load(cohort.template, folder, refusals)


def heads_on(name: str) -> AnyHeads | None:
    """What a target does for heads; None for this machine."""
    return target(name).heads


def has_ports(cohort: Cohort, spec: Spec) -> bool:
    """Whether something of each head runs on this machine."""
    kind = heads_on(cohort.target)
    return kind is None or kind.here_mb(spec) > 0


def problems(cohort: Cohort, spec: Spec) -> list[Problem]:
    """What of the template cannot be had many times, and what the cohort file says that is none of its
    target's."""
    found = []
    kind = heads_on(cohort.target)
    names = kind.hosts(spec) if kind and spec.environment.target == cohort.target else ()
    if spec.environment.target != cohort.target:
        words = f"expected a stack for {cohort.target}: this one is for {spec.environment.target}"
        return [Problem(("template",), cohort.template, words)]
    for secret in spec.secrets:
        if secret.source == "config" and not spec.aws.stand_in:
            words = (
                f"secret {secret.name} is encrypted in the template's own configuration, which no other "
                "stack can read; expected `source: environment` there"
            )
            found.append(Problem(("template",), cohort.template, words))
    return [*found, *_hosts(cohort, names, spec), *(_elsewhere(cohort, spec, kind) if kind else ())]


def _hosts(cohort: Cohort, names: tuple[str, ...], spec: Spec) -> list[Problem]:
    """Each participant has a host of the own for each of the template's, and nobody another's."""
    found, seen = [], dict[str, int]()
    known = {host.name for host in spec.servers.hosts} if names else set()
    for index, person in enumerate(cohort.roster):
        path = ("roster", index, "hosts")
        if person.hosts and not names:
            words = f"expected none: target {cohort.target} has no hosts of participants"
            found.append(Problem(path, AsWritten("..."), words))
            continue
        if missing := [name for name in names if name not in person.hosts]:
            words = f"expected one of the participant's own for each of {', '.join(names)} of the template"
            found.append(Problem(path, AsWritten(f"without {', '.join(missing)}"), words))
        for name, host in person.hosts.items():
            if name not in known:
                words = f"expected names of hosts of the template: {', '.join(sorted(known))}"
                found.append(Problem((*path, name), AsWritten(host.address), words))
            elif name in names and (first := seen.setdefault(host.address.casefold(), index)) != index:
                words = f"expected each host for one participant: roster[{first}] has it too"
                found.append(Problem((*path, name, "address"), host.address, words))
    return found


def _elsewhere(cohort: Cohort, spec: Spec, kind: AnyHeads) -> list[Problem]:
    """What is not possible, or means nothing, where heads are not programs of this machine."""
    found = []
    room, given = room_for_slugs(cohort.name, kind.longest), cohort.model_fields_set
    if room < SHORTEST_SLUG:
        words = (
            f"expected at most {len(cohort.name) - SHORTEST_SLUG + room} letters: the name of a stack has at "
            f"most {kind.longest} on target {cohort.target}, {SHORTEST_SLUG} of them for a participant"
        )
        found.append(Problem(("name",), cohort.name, words))
    why = f"heads on target {cohort.target} take none of this machine; take it out"
    meant = {"ports"} if has_ports(cohort, spec) else set()
    found += [
        Problem((key,), AsWritten("..."), f"expected none: {why}")
        for key in ("quotas", "ports")
        if key in given - meant
    ]
    return [*found, *kind.refusals(spec)]


def spec_of(spec: Spec, stack: str, port_base: int, who: Who | None = None) -> Spec:
    """The spec of a head, with a store of its own; `who` where it is not on this machine."""
    kind = heads_on(spec.environment.target)
    here = {"port_base": port_base} if port_base else {}
    environment = spec.environment.model_copy(update={"name": stack})
    deploy = spec.deploy.model_copy(update={**here, **(OF_A_HEAD if kind is None else {})})
    own = spec.model_copy(update={"environment": environment, "deploy": deploy})
    if kind is None or who is None:
        return own
    settings = {
        section: _over(getattr(own, section).model_dump(mode="json", exclude_unset=True), said)
        for section, said in kind.settings(spec, who).items()
    }
    return _changed(own, settings)


def plan_of(
    spec: Spec, stack: str, port_base: int, store_base: int | None = None, who: Who | None = None
) -> Plan:
    """What a head puts into its target; `store_base` is the first port of the store that heads share."""
    own = spec_of(spec, stack, port_base, who)
    if store_base is not None:
        own = _changed(own, sharing.of_tenant(own, {}, STANDS_FOR, store_base))
    return plan(own, stack)


def planned(spec: Spec, stack: str) -> Plan:
    """The plan of a head's spec. Refused with all that its target cannot do."""
    return plan(spec, stack)


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
    kind = heads_on(cohort.target)
    here = {"port_base": head.port_base} if head.port_base else {}
    deploy = {**content.get("deploy", {}), **here, **(OF_A_HEAD if kind is None else {})}
    found = {**content, "environment": environment, "deploy": deploy}
    if kind is None:
        return found
    return _over(found, kind.settings(template_of(cohort, folder), who_of(cohort, head)))


def who_of(cohort: Cohort, head: Head) -> Who:
    """Whose a head is."""
    hosts = {
        name: host.model_dump(mode="json", exclude_unset=True) for name, host in head.person.hosts.items()
    }
    return Who(cohort.name, head.slug, head.person.email, cohort.expires.date().isoformat(), hosts)


def _over(content: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The content with everything that `more` says in its place."""
    found = dict(content)
    for key, value in more.items():
        if value is None:
            found.pop(key, None)
            continue
        old = found.get(key)
        found[key] = _over(old, value) if isinstance(value, Mapping) and isinstance(old, Mapping) else value
    return found


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
