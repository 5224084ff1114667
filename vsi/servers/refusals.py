"""What plain servers cannot do yet, or a stack file does not say for them, by the names of settings."""

import ipaddress

from components.inventory import runs_redis
from components.spec import Spec
from components.spec.elsewhere import sections_elsewhere, shared_store
from components.spec.problem import MISSING, KeyPath, Problem
from components.spec.servers import Servers
from vsi.servers.site import hosts_of

TAKEN = ("admin", "ca", "host", "keys", "operator")
"""Names of certificates that mean somebody else, and of parts that are no programs."""


def refusals(spec: Spec) -> list[Problem]:
    """Every setting that this target cannot honour, for whoever knows where it stands in a file."""
    if not spec.servers.hosts:
        expected = "missing; expected hosts, since target vsi goes to servers"
        return [Problem(("servers", "hosts"), MISSING, expected)]
    checks = (_cluster, _store, _replicas, _gossip, _redis, _logs, _names)
    return [problem for check in checks for problem in check(spec)]


def _cluster(spec: Spec) -> list[Problem]:
    """Settings of a cluster, and of AWS: this target has none."""
    found = sections_elsewhere(spec, Servers, "target vsi goes to servers") + shared_store(spec, "target vsi")
    for index, service in enumerate(spec.services):
        if service.selector:
            expected = "expected none: target vsi has no pods; take it out, and name `hosts`"
            found.append(Problem(("services", index, "selector"), MISSING, expected))
    return found


def _store(spec: Spec) -> list[Problem]:
    """Two nodes of OpenSearch are worse than one: when either goes, the other is no majority and stops."""
    nodes = [index for index, host in enumerate(spec.servers.hosts) if host.does("logs")]
    if len(nodes) != 2:
        return []
    expected = (
        "expected logs at one host, or at three or more: of two, none goes on without the other, since "
        "OpenSearch needs a majority; take the role from this one, or give it to a third"
    )
    return [Problem(("servers", "hosts", nodes[1], "roles"), "logs", expected)]


def _replicas(spec: Spec) -> list[Problem]:
    """A copy is on another node than what it is a copy of."""
    nodes = len(spec.servers.of_role("logs"))
    places: tuple[tuple[KeyPath, int], ...] = (
        (("logging", "index", "replicas"), spec.logging.index.replicas),
        (("tracing", "storage", "replicas"), spec.tracing.storage.replicas),
    )
    most = max(nodes - 1, 0)
    have = f"target vsi has {nodes} host{'s' * (nodes != 1)} with the role logs, and each copy is on another"
    expected = f"expected {most}{' or fewer' * (most > 0)}: {have}"
    return [Problem(place, replicas, expected) for place, replicas in places if replicas > most]


def _gossip(spec: Spec) -> list[Problem]:
    """Alertmanagers find each other by numbers alone."""
    hosts = [(index, host) for index, host in enumerate(spec.servers.hosts) if host.does("alerting")]
    expected = "expected an IP address: Alertmanagers of several hosts know each other by these alone"
    return [
        Problem(("servers", "hosts", index, "address"), host.address, expected)
        for index, host in hosts
        if len(hosts) > 1 and not _is_number(host.address)
    ]


def _is_number(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


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
