"""What AWS's managed services cannot do, and what this target cannot do yet, by the names of settings."""

from collections.abc import Iterator

from aws import refused_pods
from aws.images import OWN, builds
from aws.names import LIMITS, Names, fits
from aws.site import GRAFANA, by_xray, instances, on_pods, self_run
from aws.tasks import ECR, ships
from components.inventory import PROGRAMS, runs_redis
from components.render import fluent_bit
from components.render.alertmanager_sns import LONGEST_REPEAT
from components.spec import Deploy, Service, Spec, milliseconds
from components.spec.aws import Aws
from components.spec.elsewhere import sections_elsewhere, shared_store
from components.spec.metrics import Metrics
from components.spec.problem import MISSING, KeyPath, Problem
from components.spec.scraping import Access
from components.spec.tracing import Tracing

IT = "take it out"
INSTEAD = {"alertmanager": "a managed Alertmanager", "grafana": "no Grafana", "jaeger": "", "xray": ""}
"""What there is where an image of that name is not used."""
DAY = 86_400_000
XRAY_KEEPS = "30d"
LONGEST_DAYS = 1095
"""That a workspace keeps samples."""
LOG_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""That CloudWatch keeps logs: it takes no others."""


def refusals(spec: Spec) -> list[Problem]:
    """Every setting that this target cannot honour, for whoever knows where it stands in a file."""
    absent = [
        Problem(("aws", key), MISSING, "missing; expected a value, since target aws goes to an account")
        for key, value in (("account", spec.aws.account), ("region", spec.aws.region))
        if value is None
    ]
    if absent:
        return absent
    return [
        *_elsewhere(spec),
        *_not_yet(spec),
        *_workspace(spec),
        *_store(spec),
        *_alerting(spec),
        *_names(spec),
        *_traces(spec),
        *_balancer(spec),
        *_grafana(spec),
        *_cluster(spec),
        *refused_pods.refusals(spec),
        *_services(spec),
        *_days(spec),
    ]


def _elsewhere(spec: Spec) -> list[Problem]:
    """Settings of other targets."""
    found = sections_elsewhere(spec, Aws, "target aws has none") + shared_store(spec, "target aws")
    why = "target aws has none; take it out"
    for index, service in enumerate(spec.services):
        if service.hosts:
            found.append(Problem(("services", index, "hosts"), service.hosts, f"expected no hosts: {why}"))
        if service.selector:
            found.append(Problem(("services", index, "selector"), MISSING, f"expected no pods: {why}"))
        found += _logs(index, service)
    if spec.logging.inputs:
        expected = "expected none: target aws has no files of hosts"
        found.append(Problem(("logging", "inputs", 0), MISSING, expected))
    found += [
        Problem((*path, "ca"), access.ca, f"expected none: target aws has no file of a host; {IT}")
        for path, access in _accesses(spec)
        if access.ca is not None
    ]
    return found


def _logs(index: int, service: Service) -> Iterator[Problem]:
    """What a container writes to its standard output is shipped; there is no file to read."""
    expected = "expected none: target aws reads no files; services send log records over OTLP"
    for position, log in enumerate(service.logs):
        place: KeyPath = ("services", index, "logs", position)
        if service.run is None:
            yield Problem(place, MISSING, expected)
        elif log.journal:
            yield Problem(
                (*place, "journal"), log.journal, f"expected none: target aws has no journal of a host; {IT}"
            )
        elif log.path:
            why = "expected none: target aws reads standard output, and no files"
            yield Problem((*place, "path"), log.path, why)
        elif position:
            yield Problem(place, MISSING, "expected none: target aws reads one standard output of a service")


def _not_yet(spec: Spec) -> list[Problem]:
    found: list[Problem] = []
    absent = [("node", "no hosts"), *([] if runs_redis(spec) else [("redis", "no Redis")])]
    for place, exporter in absent:
        if place in spec.metrics.exporters:
            expected = f"expected no '{place}': target aws has {exporter} to watch; take it out"
            found.append(Problem(("metrics", "exporters"), place, expected))
    return [*found, *_images(spec), *_build(spec)]


def _build(spec: Spec) -> list[Problem]:
    """What stands in for AWS has no registry to push to."""
    if not builds(spec) or not (spec.aws.stand_in or "ecr" in spec.aws.endpoints):
        return []
    expected = f"expected none: target aws has a stand-in here, without a registry; {IT}, and name images"
    return [Problem(("aws", "images", "build", "base"), spec.aws.images.build.base, expected)]


def _images(spec: Spec) -> list[Problem]:
    """Tasks are made of images, and a network of the stack's own has no way to others than the account's."""
    found: list[Problem] = []
    used = {
        "redis": runs_redis(spec),
        "fluent_bit": ships(spec) or on_pods(spec),
        "alertmanager": self_run(spec),
        "grafana": spec.aws.grafana,
        "jaeger": not by_xray(spec),
        "xray": by_xray(spec),
    }
    for name in type(spec.aws.images).model_fields:
        if name == "build":
            continue
        image = getattr(spec.aws.images, name)
        if builds(spec) and name in OWN:
            if image is not None:
                expected = f"expected none: target aws builds it, as `aws.images.build` says; {IT}"
                found.append(Problem(("aws", "images", name), image, expected))
            continue
        if image is None and not used.get(name, True):
            continue
        if image is not None and name in INSTEAD and not used[name]:
            instead = INSTEAD[name] or f"traces in {spec.aws.traces}"
            expected = f"expected none: target aws has {instead} here; {IT}"
            found.append(Problem(("aws", "images", name), image, expected))
            continue
        if image is None:
            expected = "missing; expected an image, since target aws runs it as a task"
            found.append(Problem(("aws", "images", name), MISSING, expected))
        elif spec.aws.vpc.id is None and not ECR.match(image):
            expected = "expected an image in ECR: the network of target aws has no way to the internet"
            found.append(Problem(("aws", "images", name), image, expected))
    return found


def _accesses(spec: Spec) -> Iterator[tuple[KeyPath, Access]]:
    for index, service in enumerate(spec.services):
        for position, endpoint in enumerate(service.metrics):
            yield ("services", index, "metrics", position), endpoint
    for index, job in enumerate(spec.metrics.scrape_jobs):
        yield ("metrics", "scrape_jobs", index), job


def _workspace(spec: Spec) -> list[Problem]:
    """What a managed Prometheus keeps."""
    found: list[Problem] = []
    if spec.aws.partition == "aws-cn":
        expected = (
            "expected a region outside China, where target aws finds no managed Prometheus, and knows no "
            "names of endpoints"
        )
        found.append(Problem(("aws", "region"), spec.aws.region, expected))
    if self_run(spec):
        return found
    kept = spec.metrics.retention
    length = milliseconds(kept.time)
    if length % DAY or not 1 <= length // DAY <= LONGEST_DAYS:
        expected = f"expected whole days, at most {LONGEST_DAYS}: target aws keeps samples so, in a workspace"
        found.append(Problem(("metrics", "retention", "time"), kept.time, expected))
    default = Metrics().retention.size
    if kept.size != default:
        expected = f"expected {default}, the default: target aws bounds samples by time alone; take it out"
        found.append(Problem(("metrics", "retention", "size"), kept.size, expected))
    if spec.metrics.exemplars:
        expected = "expected 0: target aws has a workspace, which takes no exemplars"
        found.append(Problem(("metrics", "exemplars"), spec.metrics.exemplars, expected))
    return found


def _store(spec: Spec) -> list[Problem]:
    """What a domain takes."""
    found: list[Problem] = []
    domain, zones = spec.aws.domain, spec.aws.vpc.zones
    if domain.nodes % zones:
        expected = f"expected a multiple of {zones}, the `vpc.zones` over which target aws spreads nodes"
        found.append(Problem(("aws", "domain", "nodes"), domain.nodes, expected))
    places: tuple[tuple[KeyPath, int], ...] = (
        (("logging", "index", "replicas"), spec.logging.index.replicas),
        (("tracing", "storage", "replicas"), spec.tracing.storage.replicas),
    )
    for place, replicas in places:
        if replicas >= domain.nodes:
            expected = f"expected less than {domain.nodes}, the nodes of the domain that target aws makes"
            found.append(Problem(place, replicas, expected))
    heap = Deploy().opensearch_heap_mb
    if spec.deploy.opensearch_heap_mb != heap:
        expected = f"expected {heap}, the default: target aws has nodes of another kind; take it out"
        found.append(Problem(("deploy", "opensearch_heap_mb"), spec.deploy.opensearch_heap_mb, expected))
    sampled = Tracing().head_sampling
    if spec.tracing.head_sampling != sampled and not any(service.run for service in spec.services):
        expected = f"expected {sampled:g}, the default: target aws runs no service that would be told; {IT}"
        found.append(Problem(("tracing", "head_sampling"), spec.tracing.head_sampling, expected))
    return found


def _alerting(spec: Spec) -> list[Problem]:
    """What a managed Alertmanager tells, and to whom."""
    alerting = spec.alerting
    found: list[Problem] = []
    if alerting.sink:
        expected = "expected false: target aws has no sink; name receivers with secrets"
        found.append(Problem(("alerting", "sink"), True, expected))
    if alerting.runbook_base is None:
        expected = "missing; expected a URL, since target aws has no pages of its own to link to"
        found.append(Problem(("alerting", "runbook_base"), MISSING, expected))
    if milliseconds(alerting.grouping.repeat) > milliseconds(LONGEST_REPEAT):
        expected = f"expected at most {LONGEST_REPEAT}: target aws has an Alertmanager that forgets then"
        found.append(Problem(("alerting", "grouping", "repeat"), alerting.grouping.repeat, expected))
    return found


def _names(spec: Spec) -> list[Problem]:
    """Names are made of the environment's, and each service of AWS has a limit."""
    found: dict[KeyPath, Problem] = {}
    for kind, name, path in Names.of(spec).every():
        if not fits(kind, name):
            limit = LIMITS[kind]
            over = len(name) - limit.longest
            expected = f"expected a name shorter by {over}: target aws makes {name} of it, for {limit.what}"
            found.setdefault(
                path, Problem(path, spec.environment.name, f"{expected}, which takes {limit.longest}")
            )
    return list(found.values())


def _traces(spec: Spec) -> list[Problem]:
    """X-Ray has neither a retention nor indices of ours."""
    if not by_xray(spec):
        return []
    found: list[Problem] = []
    tracing, default = spec.tracing, Tracing()
    if tracing.retention != XRAY_KEEPS:
        expected = f"expected {XRAY_KEEPS}: target aws keeps traces in X-Ray, which keeps them so long"
        found.append(Problem(("tracing", "retention"), tracing.retention, expected))
    for name in type(tracing.storage).model_fields:
        value, other = getattr(tracing.storage, name), getattr(default.storage, name)
        if value != other:
            expected = (
                f"expected {other}, the default: target aws keeps traces in X-Ray, without indices; {IT}"
            )
            found.append(Problem(("tracing", "storage", name), value, expected))
    return found


def _balancer(spec: Spec) -> list[Problem]:
    """A load balancer takes certificates of its own region and account, and has a short name."""
    certificate = spec.aws.balancer.certificate
    if certificate is None:
        return []
    names = Names.of(spec)
    found: list[Problem] = []
    if not certificate.startswith(names.arn("acm", "certificate/")):
        expected = "expected a certificate of the region and account to which target aws goes"
        found.append(Problem(("aws", "balancer", "certificate"), certificate, expected))
    longest = names.own("grpc")
    if not fits("balancer", longest):
        over = len(longest) - LIMITS["balancer"].longest
        expected = f"expected a name shorter by {over}: target aws makes {longest} of it, for a load balancer"
        found.append(Problem(("environment", "name"), spec.environment.name, expected))
    return found


def _grafana(spec: Spec) -> list[Problem]:
    """It is opened over the load balancer alone, and its dashboards search in Jaeger."""
    if not spec.aws.grafana:
        return []
    found: list[Problem] = []
    if spec.aws.balancer.certificate is None and not on_pods(spec):
        expected = "missing; expected a certificate: target aws shows Grafana behind the load balancer alone"
        found.append(Problem(("aws", "balancer", "certificate"), MISSING, expected))
    if by_xray(spec):
        expected = (
            f"expected false: target aws keeps traces in X-Ray, in which its dashboards cannot search; {IT}"
        )
        found.append(Problem(("aws", "grafana"), True, expected))
    longest = Names.of(spec).own("grafana")
    if not fits("balancer", longest):
        over = len(longest) - LIMITS["balancer"].longest
        expected = f"expected a name shorter by {over}: target aws makes {longest} of it, for a load balancer"
        found.append(Problem(("environment", "name"), spec.environment.name, expected))
    return found


def _cluster(spec: Spec) -> list[Problem]:
    """Administrators are the account's, and what stands in for AWS has no cluster with add-ons."""
    given = spec.aws.cluster
    if given.version is None:
        return []
    found: list[Problem] = []
    if spec.aws.stand_in:
        expected = f"expected none: target aws has a stand-in here, without add-ons or administrators; {IT}"
        found.append(Problem(("aws", "cluster", "version"), given.version, expected))
    own = Names.of(spec).arn("iam", "role/", everywhere=True)
    for index, role in enumerate(given.administrators):
        if not role.startswith(own):
            expected = "expected a role of the account to which target aws goes"
            found.append(Problem(("aws", "cluster", "administrators", index), role, expected))
    return found


def _services(spec: Spec) -> list[Problem]:
    """Services that the stack runs are tasks beside its own programs."""
    shipped = fluent_bit.refusals(spec, "which FireLens of target aws is") if ships(spec) else []
    found = [problem for problem in shipped if problem.path[:2] != ("logging", "inputs")]
    taken = {name for program in PROGRAMS for name in instances(spec, program.name)} | {GRAFANA}
    names = Names.of(spec)
    for index, service in enumerate(spec.services):
        place: KeyPath = ("services", index, "name")
        longest = f"{names.own(service.name)}-execution"
        if service.run and service.name in taken:
            expected = "expected another name: target aws has a task of its own that is called so"
            found.append(Problem(place, service.name, expected))
        elif service.run and not fits("role", longest):
            over = len(longest) - LIMITS["role"].longest
            expected = f"expected a name shorter by {over}: target aws makes {longest} of it, for an IAM role"
            found.append(Problem(place, service.name, expected))
    return found


def _days(spec: Spec) -> list[Problem]:
    days = milliseconds(spec.aws.log_retention) // DAY
    if days in LOG_DAYS:
        return []
    expected = f"expected one of {', '.join(f'{count}d' for count in LOG_DAYS)}: CloudWatch takes no others"
    return [Problem(("aws", "log_retention"), spec.aws.log_retention, expected)]
