"""What a cluster cannot do of a spec, or a stack file does not say for it, by the names of settings."""

from collections.abc import Iterator

from components.inventory import runs_redis
from components.render import fluent_bit
from components.spec import Spec
from components.spec.elsewhere import journals, sections_elsewhere, shared_store
from components.spec.kubernetes import Kubernetes
from components.spec.problem import MISSING, AsWritten, KeyPath, Problem
from components.spec.references import read_at
from components.spec.scraping import Access
from k8s.site import NODE_LOGS

LOG_FOLDER = f"{NODE_LOGS}/"
TAKEN = ("opensearch-setup", "opensearch-dashboards", "grafana")
"""Names of pods of the stack that are no programs of the inventory."""


def refusals(spec: Spec) -> list[Problem]:
    """Every setting that this target cannot honour, for whoever knows where it stands in a file."""
    return [*_cluster(spec), *_servers(spec), *_services(spec), *_logs(spec), *_access(spec), *_store(spec)]


def _cluster(spec: Spec) -> list[Problem]:
    kubernetes, images = spec.kubernetes, spec.kubernetes.images
    found: list[Problem] = []
    if kubernetes.context is None:
        expected = "missing; expected the context of the kubeconfig that target kubernetes is to use"
        found.append(Problem(("kubernetes", "context"), MISSING, expected))
    if images.registry is None and not (images.programs and images.collector):
        expected = (
            "missing; target kubernetes runs programs of ours that nobody publishes: expected `registry`, or "
            "`programs` and `collector`"
        )
        found.append(Problem(("kubernetes", "images"), MISSING, expected))
    found += _probes(spec)
    ingress = kubernetes.ingress
    for name, value in (("class_name", ingress.class_name), ("tls_secret", ingress.tls_secret)):
        if value and ingress.host is None:
            expected = "expected none without `host`, without which target kubernetes makes no Ingress"
            found.append(Problem(("kubernetes", "ingress", name), value, expected))
    kind = kubernetes.certificates.kind
    if kubernetes.certificates.issuer is None and kind != "Issuer":
        expected = (
            "expected none without `issuer`, without which target kubernetes has its own authority sign"
        )
        found.append(Problem(("kubernetes", "certificates", "kind"), kind, expected))
    if kubernetes.certificates.issuer and kind == "Issuer" and not spec.deploy.retain:
        expected = (
            "expected true: the namespace goes with the stack otherwise, and with it the Issuer of "
            "kubernetes.certificates and its authority; or expected its kind to be ClusterIssuer"
        )
        found.append(Problem(("deploy", "retain"), AsWritten("false"), expected))
    if kubernetes.shipper == fluent_bit.NAME:
        found += fluent_bit.refusals(spec, "or another `kubernetes.shipper`")
    return found


def _probes(spec: Spec) -> Iterator[Problem]:
    """Each has a name of its own, and belongs to a team."""
    teams, seen = sorted(team.name for team in spec.alerting.teams), set[str]()
    for index, one in enumerate(spec.kubernetes.probes):
        place: KeyPath = ("kubernetes", "probes", index)
        if one.name in seen:
            yield Problem((*place, "name"), one.name, "expected another name: one before has it")
        seen.add(one.name)
        if one.owner is not None and one.owner not in teams:
            yield Problem((*place, "owner"), one.owner, f"expected a team: {', '.join(teams)}")


def _servers(spec: Spec) -> list[Problem]:
    """Settings of other targets."""
    found = sections_elsewhere(spec, Kubernetes, "target kubernetes goes to a cluster")
    found += shared_store(spec, "target kubernetes")
    for index, service in enumerate(spec.services):
        if service.hosts:
            expected = "expected no hosts: target kubernetes finds pods by `selector`; take them out"
            found.append(Problem(("services", index, "hosts"), service.hosts, expected))
    return found


def _services(spec: Spec) -> list[Problem]:
    found: list[Problem] = []
    for index, service in enumerate(spec.services):
        if service.run and service.selector:
            expected = "expected none: target kubernetes knows the pods of a service with `run`"
            found.append(Problem(("services", index, "selector"), MISSING, expected))
        if service.name in TAKEN:
            expected = f"expected another name: target kubernetes has {', '.join(TAKEN)} for its own"
            found.append(Problem(("services", index, "name"), service.name, expected))
    return found


def _logs(spec: Spec) -> list[Problem]:
    """Files are read where they are: on each node, below one folder."""
    expected = f"expected a path below {LOG_FOLDER}, which is what target kubernetes reads of a node"
    found = [
        Problem(path, value, expected)
        for path, value in read_at(spec, "path")
        if not value.startswith(LOG_FOLDER)
    ]
    return found + journals(spec, "target kubernetes reads files of its nodes")


def _access(spec: Spec) -> list[Problem]:
    expected = "expected none: target kubernetes has no file of a host; take it out"
    return [
        Problem((*path, "ca"), access.ca, expected)
        for path, access in _accesses(spec)
        if access.ca is not None
    ]


def _accesses(spec: Spec) -> Iterator[tuple[KeyPath, Access]]:
    for index, service in enumerate(spec.services):
        for position, endpoint in enumerate(service.metrics):
            yield ("services", index, "metrics", position), endpoint
    for index, job in enumerate(spec.metrics.scrape_jobs):
        yield ("metrics", "scrape_jobs", index), job


def _store(spec: Spec) -> list[Problem]:
    found: list[Problem] = []
    places: tuple[tuple[KeyPath, int], ...] = (
        (("logging", "index", "replicas"), spec.logging.index.replicas),
        (("tracing", "storage", "replicas"), spec.tracing.storage.replicas),
    )
    for place, replicas in places:
        if replicas and not spec.kubernetes.ha:
            expected = "expected 0: without `kubernetes.ha` target kubernetes has one node of OpenSearch"
            found.append(Problem(place, replicas, expected))
    if "redis" in spec.metrics.exporters and not runs_redis(spec):
        expected = "expected no 'redis', since no service with `run` uses Redis; target kubernetes has none"
        found.append(Problem(("metrics", "exporters"), "redis", f"{expected} to watch; take it out"))
    return found
