"""Checks that read what is planned: so a default of the code is judged as a setting is."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.review.alerts import rules
from components.review.described import Described, DescribedPart
from components.review.policy.finding import Finding, Level
from components.spec.problem import KeyPath, written

MAY_HAVE_WILDCARD: dict[str, str] = {
    "ecr:GetAuthorizationToken": "gives a token for the whole registry: it takes no resource",
    "cloudwatch:PutMetricData": "takes no resource; bound by a condition to one namespace",
    "xray:PutTraceSegments": "X-Ray has one store for an account: it takes no resource",
    "kms:*": "the account's own administration of a key, in the policy of that key alone",
}
"""Actions that may be a wildcard or have one as their resource, and why."""

MAY_BE_FOR_EVERYBODY: dict[str, str] = {
    "Store": "a domain inside a network of its own, whose users log in: who they are is not AWS's to say",
}
"""Kinds of parts whose policies may name everybody, and why."""

_MOVING = ("latest", "stable", "main", "master", "edge", "nightly", "dev")
_LABEL = "app.kubernetes.io/part-of"
_OPEN = ("LoadBalancer", "NodePort")


def owners(now: Described) -> Iterator[Finding]:
    """An alert that no team is told of, or that says nobody what to do."""
    teams = {team["name"] for team in now.spec.get("alerting", {}).get("teams", ())}
    own = [rule.get("name") for rule in _own_alerts(now)]
    for (name, service), variants in rules(now).items():
        path: KeyPath = ("metrics", "rules", "alerts", own.index(name)) if name in own else ()
        of = f"alert {name}{f' of {service}' if service else ''}"
        for rule in variants:
            templated = rule.team.startswith("{{")
            if not rule.team or (rule.team not in teams and not templated):
                said = rule.team or "no team"
                yield Finding(
                    "alert-without-owner", of, f"is {said}'s; expected a team of alerting.teams", path
                )
            if not rule.runbook:
                yield Finding("alert-without-owner", of, "has no runbook; expected a page or a URL", path)


def _own_alerts(now: Described) -> list[Mapping[str, Any]]:
    found = now.spec.get("metrics", {}).get("rules", {}).get("alerts", ())
    return [rule for rule in found if isinstance(rule, Mapping)]


def images(now: Described) -> Iterator[Finding]:
    """An image that may be another one tomorrow: without a tag or with one that moves; in prod with any."""
    strict = now.spec.get("environment", {}).get("tier") == "prod"
    named = dict(_named_images(now.spec, ()))
    for part in now.parts:
        for image in sorted(set(_images(_opened(part.settings)))):
            if "@sha256:" in image or image.startswith("{"):  # built by the stack: its digest is known later
                continue
            tag = image.rpartition("/")[2].partition(":")[2]
            level: Level = "warning"
            if not tag or tag in _MOVING:
                said, level = "may be another one tomorrow; expected a version's tag, or a digest", "error"
            elif strict:
                said = "has a tag, which may move; tier prod expects its digest (@sha256:...)"
            else:
                continue
            setting = named.get(image, ())
            where = written(setting) if setting else part.id
            yield Finding("image-not-pinned", where, f"image {image} {said}", setting, level)


def _named_images(data: Any, path: KeyPath) -> Iterator[tuple[str, KeyPath]]:
    """The images that a stack names, and where."""
    if isinstance(data, Mapping):
        for key, item in data.items():
            if key == "images" and isinstance(item, Mapping):
                yield from (
                    (image, (*path, key, name)) for name, image in item.items() if isinstance(image, str)
                )
            else:
                yield from _named_images(item, (*path, key))


def _images(data: Any) -> Iterator[str]:
    if isinstance(data, Mapping):
        image = data.get("image")
        if isinstance(image, str):
            yield image
        elif isinstance(image, Mapping) and image.get("repository") and "tag" in image:
            digest = f"@{image['digest']}" if image.get("digest") else ""
            yield f"{image['repository']}:{image['tag']}{digest}"
        for item in data.values():
            yield from _images(item)
    elif isinstance(data, list):
        for item in data:
            yield from _images(item)


def limits(now: Described) -> Iterator[Finding]:
    """A container that may take all the memory of its node."""
    for part in now.parts:
        for container in _containers(_opened(part.settings)):
            resources = container.get("resources") or {}
            if not (resources.get("limits") or {}).get("memory"):
                said = f"container {container.get('name', '?')} has no limit of memory; expected one"
                yield Finding("limit-missing", part.id, said)


def _containers(data: Any) -> Iterator[Mapping[str, Any]]:
    """Those of pods; tasks of ECS are bounded as a whole."""
    if isinstance(data, Mapping):
        template = data.get("template")
        pod = template.get("spec") if isinstance(template, Mapping) else None
        if isinstance(pod, Mapping) and "containers" in pod:
            yield from (*pod["containers"], *pod.get("initContainers", ()))
        for item in data.values():
            yield from _containers(item)
    elif isinstance(data, list):
        for item in data:
            yield from _containers(item)


def endpoints(now: Described) -> Iterator[Finding]:
    """What strangers reach: a Service of a kind that is open, and policies for everybody."""
    for part in now.parts:
        for path, kind in _types(part):
            said = f"{path} is {kind}, which whoever reaches a node or the load balancer reaches"
            yield Finding(
                "public-endpoint", part.id, f"{said}; expected ClusterIP, behind an Ingress with TLS"
            )
        for name, statement in _statements(part):
            everybody = statement.get("Principal") in ("*", {"AWS": "*"}) and not statement.get("Condition")
            if statement.get("Effect") == "Allow" and everybody and part.kind not in MAY_BE_FOR_EVERYBODY:
                yield Finding(
                    "public-endpoint", part.id, f"{name} allows everybody; expected named principals"
                )


def _types(part: DescribedPart) -> Iterator[tuple[str, str]]:
    if part.settings.get("kind") == "Service":
        kind = part.settings.get("body", {}).get("spec", {}).get("type")
        if kind in _OPEN:
            yield "its type", kind
    yield from _services(part.settings.get("values"), ())


def _services(data: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(data, Mapping):
        for key, item in data.items():
            if key == "service" and isinstance(item, Mapping) and item.get("type") in _OPEN:
                yield ".".join((*path, key, "type")), item["type"]
            yield from _services(item, (*path, key))


def permissions(now: Described) -> Iterator[Finding]:
    """A permission for everything, where one for something would do."""
    for part in now.parts:
        for name, statement in _statements(part):
            if statement.get("Effect") != "Allow":
                continue
            actions = _list(statement.get("Action"))
            # The policy of a thing speaks of that thing: `*` there is no other.
            anything = "*" in _list(statement.get("Resource")) and "Principal" not in statement
            for action in actions:
                if action not in MAY_HAVE_WILDCARD and (action.endswith("*") or anything):
                    said = f"{name} allows {action} on {'everything' if anything else 'its resources'}"
                    yield Finding(
                        "wildcard-permission", part.id, f"{said}; expected the actions and resources it needs"
                    )
        for rule in _roles(part.settings):
            if "*" in (*_list(rule.get("verbs")), *_list(rule.get("resources"))):
                yield Finding(
                    "wildcard-permission",
                    part.id,
                    "a rule of its role has '*'; expected the verbs and resources that it needs",
                )


def _statements(part: DescribedPart) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Of every policy of a part, and of each of its roles where it has several."""
    several = [role for role in _list(part.settings.get("roles")) if isinstance(role, Mapping)]
    inner = [
        (f"{key} of role {role.get('name', '')}", text) for role in several for key, text in role.items()
    ]
    for name, text in (*part.settings.items(), *inner):
        data = _parsed(text)
        if isinstance(data, Mapping):
            yield from ((name, statement) for statement in _list(data.get("Statement")))


def _roles(data: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(data, Mapping):
        if "verbs" in data and "resources" in data:
            yield data
        for item in data.values():
            yield from _roles(item)
    elif isinstance(data, list):
        for item in data:
            yield from _roles(item)


def labels(now: Described) -> Iterator[Finding]:
    """An object of a cluster that nobody can tell whose it is."""
    for part in now.parts:
        body = part.settings.get("body")
        if not isinstance(body, Mapping):
            continue
        if _LABEL not in ((body.get("metadata") or {}).get("labels") or {}):
            yield Finding("tag-missing", part.id, f"has no label {_LABEL}; expected the stack's name there")


def _opened(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in which texts that are JSON are what they say."""
    return {name: _parsed(item) for name, item in settings.items()}


def _parsed(item: Any) -> Any:
    if isinstance(item, str) and re.match(r"\s*[\[{]", item):
        try:
            return json.loads(item)
        except json.JSONDecodeError:
            return item
    return item


def _list(item: Any) -> list[Any]:
    return item if isinstance(item, list) else [] if item is None else [item]
