"""What plain servers cannot do yet, or a stack file does not say for them, by the names of settings."""

from components.inventory import runs_redis
from components.spec import Aws, Kubernetes, Spec
from components.spec.problem import MISSING, KeyPath, Problem
from components.spec.servers import Role
from vsi.servers.site import hosts_of

ALONE: dict[Role, str] = {
    "alerting": "two Alertmanagers that do not know each other would tell each alert twice",
    "logs": "OpenSearch is one node",
}
"""Roles that one host has as yet, and why."""
TAKEN = ("admin", "ca", "host", "keys", "operator")
"""Names of certificates that mean somebody else, and of parts that are no programs."""


def refusals(spec: Spec) -> list[Problem]:
    """Every setting that this target cannot honour, for whoever knows where it stands in a file."""
    if not spec.servers.hosts:
        expected = "missing; expected hosts, since target vsi goes to servers"
        return [Problem(("servers", "hosts"), MISSING, expected)]
    return [*_cluster(spec), *_alone(spec), *_replicas(spec), *_redis(spec), *_logs(spec), *_names(spec)]


def _cluster(spec: Spec) -> list[Problem]:
    """Settings of a cluster, and of AWS: this target has none."""
    found: list[Problem] = []
    if spec.aws != Aws():
        expected = "expected no account of AWS: target vsi goes to servers; take it out"
        found.append(Problem(("aws",), MISSING, expected))
    if spec.kubernetes != Kubernetes():
        expected = "expected no cluster: target vsi goes to servers; take it out"
        found.append(Problem(("kubernetes",), MISSING, expected))
    for index, service in enumerate(spec.services):
        if service.selector:
            expected = "expected none: target vsi has no pods; take it out, and name `hosts`"
            found.append(Problem(("services", index, "selector"), MISSING, expected))
    return found


def _alone(spec: Spec) -> list[Problem]:
    found: list[Problem] = []
    for role, why in ALONE.items():
        having = [index for index, host in enumerate(spec.servers.hosts) if host.does(role)]
        for index in having[1:]:
            expected = f"expected {role} at one host: target vsi cannot have it twice yet, since {why}"
            found.append(Problem(("servers", "hosts", index, "roles"), role, expected))
    return found


def _replicas(spec: Spec) -> list[Problem]:
    places: tuple[tuple[KeyPath, int], ...] = (
        (("logging", "index", "replicas"), spec.logging.index.replicas),
        (("tracing", "storage", "replicas"), spec.tracing.storage.replicas),
    )
    expected = "expected 0: target vsi has one OpenSearch node yet, and no other to copy to"
    return [Problem(place, replicas, expected) for place, replicas in places if replicas]


def _redis(spec: Spec) -> list[Problem]:
    """It is for the services of its own host: on the way to another, what is said to it could be read."""
    found: list[Problem] = []
    if "redis" in spec.metrics.exporters and not runs_redis(spec):
        expected = "expected no 'redis', since no service with `run` uses Redis; target vsi has none to watch"
        found.append(Problem(("metrics", "exporters"), "redis", f"{expected}; take it out"))
    own = spec.servers.of_role("demo")[:1]
    for index, service in enumerate(spec.services):
        if service.run and service.run.redis and own and hosts_of(spec, service) != own:
            expected = (
                f"expected {own[0].name} alone, where target vsi has Redis, since the service uses it "
                "(`run.redis`)"
            )
            found.append(Problem(("services", index, "hosts"), service.hosts, expected))
    return found


def _names(spec: Spec) -> list[Problem]:
    """A service shows a certificate of its own name: of one called admin, the store would take any order."""
    expected = f"expected another name: target vsi has {', '.join(TAKEN)} for its own"
    return [
        Problem(("services", index, "name"), service.name, expected)
        for index, service in enumerate(spec.services)
        if service.name in TAKEN
    ]


def _logs(spec: Spec) -> list[Problem]:
    """Files are read where they are."""
    expected = "missing; expected the hosts on which target vsi reads the service's log files"
    return [
        Problem(("services", index, "hosts"), MISSING, expected)
        for index, service in enumerate(spec.services)
        if service.logs and not hosts_of(spec, service)
    ]
