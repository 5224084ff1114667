"""What Prometheus is to scrape and to judge, as the operator's objects. The policy of each job and the text
of each rule are those of every other target; only how targets are found is the cluster's."""

from collections.abc import Iterator
from typing import Any

from components.inventory import PROGRAMS
from components.plan import Pillar
from components.render import fluent_bit
from components.render.document import Document
from components.render.scrape_jobs import Job, jobs
from components.render.text import text
from components.rules import files as rules
from components.site import Site
from components.spec import Service, Spec, milliseconds
from components.spec.metrics import Limits
from k8s import names, tls
from k8s.issued import holders
from k8s.objects import identity, manifest
from k8s.parts import Manifest
from k8s.site import WITHOUT

PROGRAM_OF = {page.listener: row.name for row in PROGRAMS for page in row.metrics}
"""Listener that is scraped -> its program."""


def rule_parts(spec: Spec, site: Site, needs: tuple[str, ...]) -> list[Manifest]:
    """A PrometheusRule for each file of rules. Their tests are none of the plan: a cluster runs no promtool,
    and they would be most of what a preview of many services costs."""
    return [
        manifest(
            spec,
            Pillar.METRICS,
            "PrometheusRule",
            path.removeprefix("rules/").removesuffix(".yml"),
            {"spec": document.data},
            needs=needs,
        )
        for path, document in rules.untested(spec, site).items()
    ]


def scrape_parts(spec: Spec, site: Site, own: frozenset[str], needs: tuple[str, ...]) -> list[Manifest]:
    """A monitor for each scrape job. `own` are the programs and services that run in pods of ours."""
    services = {service.name: service for service in spec.services}
    found: list[Manifest] = []
    for job in jobs(spec, site):
        service = services.get(job.labels.get("service", ""))
        made = list(_of_service(spec, site, job, service) if service else _of_program(spec, site, job, own))
        if not made:  # a further job of the stack file
            made = [("ScrapeConfig", _name(job), _static(spec, job))]
        login = _login(spec, job, needs)
        found += login
        for kind, name, body in made:
            after = (*needs, *(part.id for part in login))
            if job.own_tls:
                after = (*after, *holders(spec, (names.AUTHORITY,)))
            found.append(manifest(spec, Pillar.METRICS, kind, name, {"spec": body}, needs=after))
    return found


def shipper_part(spec: Spec, port: int, needs: tuple[str, ...]) -> Manifest:
    """Of Fluent Bit, which is no program of the inventory."""
    name = fluent_bit.NAME
    job = Job(name, name, (), {}, path=fluent_bit.METRICS)
    where = {"matchNames": [spec.kubernetes.namespace]}
    body = _pods(spec, job, names.pods(spec, name, own=False), where, port)
    return manifest(spec, Pillar.METRICS, "PodMonitor", name, {"spec": body}, needs=needs)


Made = Iterator[tuple[str, str, dict[str, Any]]]
"""Kind, name and `spec` of monitors."""


def _of_service(spec: Spec, site: Site, job: Job, service: Service) -> Made:
    number = int(job.name.partition("/")[2] or 1)
    address = service.metrics[number - 1].address
    if address is None:
        body = {
            "selector": {"matchLabels": names.labels(spec, service.name)},
            "namespaceSelector": {"matchNames": [spec.kubernetes.namespace]},
            "endpoints": [{"port": "http", **_endpoint(spec, job)}],
            **_limits(spec, job),
        }
        yield "ServiceMonitor", _name(job), body
    elif address.startswith(":"):
        labels = names.labels(spec, service.name) if service.run else dict(service.selector)
        where = {"matchNames": [spec.kubernetes.namespace]} if service.run else {"any": True}
        yield "PodMonitor", _name(job), _pods(spec, job, labels, where, int(address[1:]))
    else:
        yield "ScrapeConfig", _name(job), _static(spec, job)
    del site


def _of_program(spec: Spec, site: Site, job: Job, own: frozenset[str]) -> Made:
    """A job may have the pages of several programs that do the same work."""
    pages = [
        page
        for row in PROGRAMS
        if row.name not in WITHOUT
        for page in row.metrics
        if page.job == job.name and site.has(page.listener)
    ]
    for page in pages:
        program = PROGRAM_OF[page.listener]
        name = job.name if len(pages) == 1 else page.listener
        where = {"matchNames": [spec.kubernetes.namespace]}
        if program in own:
            body = {
                "selector": {"matchLabels": names.labels(spec, program)},
                "namespaceSelector": where,
                "endpoints": [{"port": "http", **_endpoint(spec, job)}],
                **_limits(spec, job),
            }
            yield "ServiceMonitor", name, body
        else:
            labels = names.pods(spec, program, own=False)
            body = _pods(spec, job, labels, where, site.port(page.listener))
            if site.tls(page.listener):
                body["podMetricsEndpoints"][0] |= tls.dialled(spec, program)
            yield "PodMonitor", name, body


def _pods(spec: Spec, job: Job, labels: dict[str, str], where: dict[str, Any], port: int) -> dict[str, Any]:
    """Each pod at that port, whether its containers declare it or not: one that is not declared would be left
    out without a word."""
    at = {
        "sourceLabels": ["__meta_kubernetes_pod_ip"],
        "regex": "(.+)",
        "targetLabel": "__address__",
        "replacement": f"$1:{port}",
    }
    endpoint = _endpoint(spec, job)
    endpoint["relabelings"] = [at, *endpoint["relabelings"]]
    return {
        "selector": {"matchLabels": labels},
        "namespaceSelector": where,
        "podMetricsEndpoints": [endpoint],
        **_limits(spec, job),
    }


def _static(spec: Spec, job: Job) -> dict[str, Any]:
    labels = {**job.labels, **spec.environment.labels}
    endpoint = _endpoint(spec, job)
    return {
        "jobName": job.name,
        "staticConfigs": [{"targets": list(job.target), "labels": dict(sorted(labels.items()))}],
        "metricsPath": endpoint["path"],
        "scheme": endpoint["scheme"].upper(),
        "scrapeInterval": endpoint["interval"],
        "scrapeTimeout": endpoint["scrapeTimeout"],
        "honorLabels": False,
        "honorTimestamps": True,
        "relabelings": [setting("job", job.name)],
        **({"basicAuth": endpoint["basicAuth"]} if "basicAuth" in endpoint else {}),
        **({"metricRelabelings": found} if (found := endpoint.get("metricRelabelings")) else {}),
        **_limits(spec, job),
    }


def _endpoint(spec: Spec, job: Job) -> dict[str, Any]:
    metrics = spec.metrics
    interval = job.interval or metrics.scrape_interval
    timeout = metrics.scrape_timeout
    if milliseconds(interval) < milliseconds(timeout):
        timeout = interval
    labels = {**job.labels, **spec.environment.labels}
    relabel = [
        # The operator's own: the Service is none of `services`, and one pod's containers are one target.
        *([] if "service" in labels else [{"action": "labeldrop", "regex": "service"}]),
        {"action": "labeldrop", "regex": "container|endpoint"},
        setting("job", job.name),
        *(setting(name, value) for name, value in sorted(labels.items())),
    ]
    drops = [
        {"sourceLabels": [label], "regex": ".+", "action": "drop"}
        for label in sorted(metrics.forbidden_labels)
    ]
    after = [*drops, *(_operators(rule) for rule in job.relabel)]
    return {
        "path": job.path,
        "scheme": job.access.scheme,
        "interval": interval,
        "scrapeTimeout": timeout,
        "honorLabels": False,
        "honorTimestamps": True,
        "relabelings": relabel,
        **({"metricRelabelings": after} if after else {}),
        **_basic_auth(spec, job),
    }


def setting(name: str, value: str) -> dict[str, Any]:
    """A label of a target. `$` would name a group of the regular expression."""
    return {"targetLabel": name, "replacement": value.replace("$", "$$")}


def _operators(rule: dict[str, Any]) -> dict[str, Any]:
    """A relabelling with the operator's names of the same keys."""
    called = {"source_labels": "sourceLabels", "target_label": "targetLabel"}
    return {called.get(key, key): value for key, value in rule.items()}


def _limits(spec: Spec, job: Job) -> dict[str, Any]:
    return limits(spec, job.limits)


def limits(spec: Spec, own: Limits | None = None) -> dict[str, Any]:
    """What one scrape may bring at most: the stack's, unless it has its own."""
    most = own or spec.metrics.limits
    return {
        "fallbackScrapeProtocol": "PrometheusText0.0.4",
        "sampleLimit": most.samples_per_scrape,
        "labelLimit": most.labels_per_series,
        "labelValueLengthLimit": most.label_value_length,
    }


def _basic_auth(spec: Spec, job: Job) -> dict[str, Any]:
    login = job.access.basic_auth
    if login is None:
        return {}
    return {
        "basicAuth": {
            "username": {"name": f"scrape-{_name(job)}", "key": "username"},
            "password": dict(zip(("name", "key"), names.secret(spec, login.secret), strict=True)),
        }
    }


def _login(spec: Spec, job: Job, needs: tuple[str, ...]) -> list[Manifest]:
    """The operator reads a user's name from a Secret too."""
    login = job.access.basic_auth
    if login is None:
        return []
    body = {"type": "Opaque", "stringData": {"username": login.username}}
    after = (*needs, identity(spec, "Secret", names.SECRETS))
    return [manifest(spec, Pillar.METRICS, "Secret", f"scrape-{_name(job)}", body, needs=after)]


def _name(job: Job) -> str:
    """`billing/2` is no name of an object."""
    return job.name.replace("/", "-")


def alertmanager_parts(spec: Spec, documents: dict[str, Document]) -> list[Manifest]:
    """Its configuration as on every other target. It holds no secret but names files, and lies in a Secret
    since the operator looks for one."""
    config = text(documents["alertmanager.yml"])
    template = {"obs.tmpl": text(documents["templates/obs.tmpl"])}
    return [
        manifest(
            spec,
            Pillar.ALERTING,
            "Secret",
            names.ALERTMANAGER,
            {"type": "Opaque", "stringData": {"alertmanager.yaml": config}},
        ),
        manifest(spec, Pillar.ALERTING, "ConfigMap", names.ALERTMANAGER_TEMPLATES, {"data": template}),
    ]
