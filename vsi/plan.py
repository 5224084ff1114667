"""From the spec to what stands on one host: the units in order, the secrets, the certificates.

Pure: no I/O, no clock, nothing of the machine. What this target cannot do is refused here, by name.
"""

from components.inventory import BY_NAME, STORE, certificates, runs_redis
from components.plan import Secret
from components.render import opensearch_store
from components.site import Site
from components.spec import Spec
from components.spec.elsewhere import journals, sections_elsewhere
from components.spec.problem import MISSING, KeyPath, Problem
from vsi.site import OPERATOR, PASSWORD, local_site
from vsi.unit import HostPlan
from vsi.units import all_units


def plan(spec: Spec, stack: str) -> HostPlan:
    """The plan of a stack on this machine; for a spec without refusals."""
    site = local_site(spec)
    return HostPlan(
        stack=stack,
        parts=tuple(all_units(spec, site)),
        secrets=tuple(_secrets(spec)),
        tls_names=_certificates(site),
        retain=spec.deploy.retain,
    )


def _certificates(site: Site) -> tuple[str, ...]:
    """Without those of a store that is another stack's."""
    elsewhere = {name for row in STORE for name in BY_NAME[row].certificates} if site.authority else set()
    names = tuple(name for name in certificates(site) if name not in elsewhere)
    return (*names, OPERATOR) if site.mutual else names


def refusals(spec: Spec) -> list[Problem]:
    """Every setting that this target cannot honour, for whoever knows where it stands in a file."""
    found = [*_hosts(spec), *_pods(spec), *journals(spec, "target local reads files")]
    places: tuple[tuple[KeyPath, int], ...] = (
        (("logging", "index", "replicas"), spec.logging.index.replicas),
        (("tracing", "storage", "replicas"), spec.tracing.storage.replicas),
    )
    for place, replicas in places:
        if replicas and not spec.logging.store.address:
            expected = "expected 0: target local has one OpenSearch node, and no other to copy to"
            found.append(Problem(place, replicas, expected))
    if "redis" in spec.metrics.exporters and not runs_redis(spec):
        expected = "expected no 'redis', since no service with `run` uses Redis; take it out"
        found.append(Problem(("metrics", "exporters"), "redis", expected))
    return found


def _hosts(spec: Spec) -> list[Problem]:
    """Settings of other places: this target has one host, and no name for it."""
    found = sections_elsewhere(spec, None, "target local is this machine alone")
    for index, service in enumerate(spec.services):
        if service.hosts:
            expected = "expected no hosts: target local is this machine alone; take them out"
            found.append(Problem(("services", index, "hosts"), service.hosts, expected))
    return found


def _pods(spec: Spec) -> list[Problem]:
    """Pods, of which this target has none."""
    found: list[Problem] = []
    for index, service in enumerate(spec.services):
        if service.selector:
            expected = "expected none: target local has no pods; take it out"
            found.append(Problem(("services", index, "selector"), MISSING, expected))
    return found


def _secrets(spec: Spec) -> list[Secret]:
    if spec.logging.store.address:
        secrets = [
            Secret(name=name, source="environment", key=key) for name, key in opensearch_store.LENT.items()
        ]
    else:
        secrets = [Secret(name=name, source="generated", key="") for name in opensearch_store.secrets(spec)]
    if spec.deploy.loopback == "guarded":
        secrets.append(Secret(name=PASSWORD, source="generated", key=""))
    secrets += [Secret(name=secret.name, source=secret.source, key=secret.key) for secret in spec.secrets]
    return sorted(secrets, key=lambda secret: secret.name)
