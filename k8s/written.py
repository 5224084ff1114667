"""What is written for a cluster, read back: values of releases, and single objects."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.inventory import PROGRAMS
from components.parity.written import ScrapeJob, Written, addresses_of, drops_of, load
from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.network import SETUP
from k8s.site import CERTIFICATES, DATA, SECRETS, TEMPLATES, service_of, site_of

Object = dict[str, Any]
_MONITORS = {"ServiceMonitor": "endpoints", "PodMonitor": "podMetricsEndpoints"}
_READ = re.compile(
    r"manifests/(configmap|podmonitor|prometheusrule|scrapeconfig|secret|service|servicemonitor)-[^/]+"
)
"""The objects that say something of the content."""
_SNAKE = re.compile(r"(?<=[a-z])([A-Z])")


def written(spec: Spec, stack: str, files: Mapping[str, str]) -> Written:
    """What the files say."""
    del stack
    objects = [load(text) for path, text in files.items() if _READ.fullmatch(path)]
    prometheus = load(files["releases/kube-prometheus-stack/values.yaml"])["prometheus"]["prometheusSpec"]
    site = site_of(spec)
    found = Written(addresses=addresses_of(site), folders=_folders(spec, site))
    for item in objects:
        kind, name = item["kind"], item["metadata"]["name"]
        if kind == "PrometheusRule":
            found.rules[name] = item["spec"]["groups"]
        elif kind in (*_MONITORS, "ScrapeConfig"):
            job = _job(spec, item, objects, prometheus)
            found.jobs.setdefault(job[0], []).append(job[1])
        for program, path, text in _texts(kind, name, item):
            found.add(program, path, text)
    found.store = _store(prometheus)
    return found


def _texts(kind: str, name: str, item: Object) -> Iterator[tuple[str, str, str]]:
    """The documents of programs."""
    if kind == "Secret" and name == names.ALERTMANAGER:
        said = item["stringData"]["alertmanager.yaml"]
        yield "alertmanager", "alertmanager.yml", said.replace(f"{TEMPLATES}/", "templates/")
    elif kind == "ConfigMap" and name == names.ALERTMANAGER_TEMPLATES:
        for file, text in item["data"].items():
            yield "alertmanager", f"templates/{file}", text
    elif kind == "ConfigMap" and name.endswith("-conf"):
        program = name.removesuffix("-conf")
        for key, text in item["data"].items():
            yield "opensearch" if program == SETUP else program, key.replace("__", "/"), text


def _store(said: Object) -> Object:
    """Values of Prometheus in its own words."""
    return {
        "evaluation_interval": said["evaluationInterval"],
        "external_labels": said["externalLabels"],
        "names": said["nameEscapingScheme"].lower(),
        "retention": {"time": said["retention"], "size": said["retentionSize"]},
        "exemplars": said.get("exemplars", {}).get("maxSize", 0),
    }


def _job(spec: Spec, item: Object, objects: list[Object], prometheus: Object) -> tuple[str, ScrapeJob]:
    """A monitor as the operator makes a scrape job of it, those rules included that hold for all."""
    monitor = item["spec"]
    static = item["kind"] == "ScrapeConfig"
    endpoint = monitor if static else monitor[_MONITORS[item["kind"]]][0]
    (every,) = (one for one in prometheus["scrapeClasses"] if one.get("default"))
    labels, rest, port = _relabelled([*every.get("relabelings", ()), *endpoint.get("relabelings", ())])
    if static:
        (group,) = monitor["staticConfigs"]
        labels |= group["labels"]
    after = [*every.get("metricRelabelings", ()), *endpoint.get("metricRelabelings", ())]
    drops, relabel = drops_of([_snake(rule) for rule in after])
    name = labels.pop("job")
    return name, ScrapeJob(
        interval=endpoint.get("interval") or endpoint.get("scrapeInterval") or prometheus["scrapeInterval"],
        timeout=endpoint.get("scrapeTimeout", prometheus["scrapeTimeout"]),
        path=endpoint.get("path") or endpoint["metricsPath"],
        scheme=endpoint["scheme"].lower(),
        honor=(endpoint["honorLabels"], endpoint["honorTimestamps"]),
        fallback=monitor["fallbackScrapeProtocol"],
        limits=(monitor["sampleLimit"], monitor["labelLimit"], monitor["labelValueLengthLimit"]),
        labels=dict(sorted(labels.items())),
        targets=set(group["targets"]) if static else {_target(spec, monitor, port, objects)},
        drops=drops,
        relabel=[*rest, *relabel],
        **_login(endpoint, objects),
    )


def _relabelled(rules: list[Object]) -> tuple[dict[str, str], list[Object], str]:
    """Labels that are set on each target; rules that do something else; the port that pods are asked at. What
    takes the operator's own labels away says nothing."""
    labels: dict[str, str] = {}
    rest: list[Object] = []
    port = ""
    for rule in rules:
        if rule.keys() == {"targetLabel", "replacement"}:
            labels[rule["targetLabel"]] = rule["replacement"].replace("$$", "$")
        elif rule.get("targetLabel") == "__address__":
            port = rule["replacement"].removeprefix("$1:")
        elif rule not in (
            {"action": "labeldrop", "regex": "service"},
            {"action": "labeldrop", "regex": "container|endpoint"},
        ):
            rest.append(_snake(rule))
    return labels, rest, port


def _snake(rule: Object) -> Object:
    return {_SNAKE.sub(r"_\1", key).lower(): value for key, value in rule.items()}


def _target(spec: Spec, monitor: Object, port: str, objects: list[Object]) -> str:
    """Where what a monitor selects is reached: the Service with these labels, or pods at a port."""
    labels = monitor["selector"]["matchLabels"]
    if port:
        program = labels.get("app.kubernetes.io/instance") or labels.get("app.kubernetes.io/name", "")
        known = program in {row.name for row in PROGRAMS} and "matchNames" in monitor["namespaceSelector"]
        return f"{service_of(program)}.{spec.kubernetes.namespace}.svc:{port}" if known else f":{port}"
    for item in objects:
        if item["kind"] == "Service" and labels.items() <= item["metadata"]["labels"].items():
            port = item["spec"]["ports"][0]["port"]
            return f"{item['metadata']['name']}.{spec.kubernetes.namespace}.svc:{port}"
    return f"nothing: no Service has {labels}"


def _login(endpoint: Object, objects: list[Object]) -> Object:
    asked = endpoint.get("basicAuth")
    if not asked:
        return {}
    username = asked["username"]
    (secret,) = (
        item for item in objects if item["kind"] == "Secret" and item["metadata"]["name"] == username["name"]
    )
    return {
        "username": secret["stringData"][username["key"]],
        "password": asked["password"]["key"],
    }


def _folders(spec: Spec, site: Site) -> list[tuple[str, str]]:
    run = [service for service in spec.services if service.run]
    logs = [(re.escape(site.log(service)), f"{{log of {service.name}}}") for service in run]
    folders = ((SECRETS, "{secrets}"), (CERTIFICATES, "{secrets}"), (DATA, "{data}"))
    return [*logs, *((rf"{folder}\b", name) for folder, name in folders)]
