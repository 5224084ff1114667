"""From the spec to what stands on one host: units with their files, commands, ports and order.

Pure: no I/O, no clock, nothing of the machine. What this target cannot do is refused here, by name.
"""

from components.addresses import Addresses, addresses
from components.catalog import executable
from components.plan import Pillar, Plan, Process, Ready, Refused, Secret, Unit
from components.render import alertmanager, collector, housekeeper, jaeger, opensearch, prometheus, services
from components.spec import Service, Spec

_WEB = "http://{}{}"


def plan(spec: Spec, stack: str) -> Plan:
    """The plan of a stack on this machine. Raises `Refused` with every setting that cannot be honoured."""
    _refuse(spec)
    at = addresses(spec)
    units = [
        *_logging(spec, at),
        *_tracing(spec, at),
        *_alerting(spec, at),
        *_metrics(spec, at),
        *_services(spec, at),
    ]
    return Plan(
        stack=stack,
        host="local",
        units=tuple(_ordered(units)),
        secrets=tuple(_secrets(spec)),
        tls_names=("admin", "opensearch"),
        retain=spec.deploy.retain,
    )


def _refuse(spec: Spec) -> None:
    target = spec.environment.target
    problems: list[tuple[str, object, str]] = []
    if target != "local":
        problems.append(("environment.target", target, "this target does not exist yet; expected 'local'"))
    one_node = "the one OpenSearch node of this target has no other to copy to; expected 0"
    for setting, replicas in (
        ("logging.index.replicas", spec.logging.index.replicas),
        ("tracing.storage.replicas", spec.tracing.storage.replicas),
    ):
        if replicas:
            problems.append((setting, replicas, one_node))
    exporters = spec.metrics.exporters
    runs_redis = any(service.run and service.run.redis for service in spec.services)
    if "redis" in exporters and not runs_redis:
        why = "no service with `run` uses Redis, so there is none to export; take 'redis' out"
        problems.append(("metrics.exporters", "redis", why))
    if problems:
        raise Refused(target, problems)


def _secrets(spec: Spec) -> list[Secret]:
    generated = [Secret(name=name, source="generated", key="") for name in opensearch.SECRETS]
    named = [
        Secret(name=secret.name, source=secret.source, key=secret.key or "") for secret in spec.secrets
    ]
    return sorted([*generated, *named], key=lambda secret: secret.name)


def _files(rendered: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(rendered.items()))


def _http(address: str, path: str, seconds: int = 60) -> Ready:
    return Ready(url=_WEB.format(address, path), seconds=seconds)


def _ordered(units: list[Unit]) -> list[Unit]:
    """The units such that each comes after what it needs; otherwise in the order given."""
    known = {unit.name for unit in units}
    done: list[Unit] = []
    names: set[str] = set()
    todo = list(units)
    while todo:
        ready = [unit for unit in todo if all(need in names for need in unit.needs if need in known)]
        if not ready:
            raise ValueError(f"units need each other in a circle: {sorted(unit.name for unit in todo)}")
        done += ready
        names |= {unit.name for unit in ready}
        todo = [unit for unit in todo if unit.name not in names]
    return done
