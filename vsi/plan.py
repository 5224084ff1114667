"""From the spec to what stands on one host: the units in order, the secrets, the certificates.

Pure: no I/O, no clock, nothing of the machine. What this target cannot do is refused here, by name.
"""

from components.addresses import addresses
from components.plan import Plan, Refused, Secret, Unit
from components.render import opensearch
from components.spec import Spec
from vsi.units import all_units


def plan(spec: Spec, stack: str) -> Plan:
    """The plan of a stack on this machine. Raises `Refused` with every setting that cannot be honoured."""
    _refuse(spec)
    return Plan(
        stack=stack,
        host="local",
        units=tuple(_ordered(all_units(spec, addresses(spec)))),
        secrets=tuple(_secrets(spec)),
        tls_names=opensearch.TLS_NAMES,
        retain=spec.deploy.retain,
    )


def _refuse(spec: Spec) -> None:
    target = spec.environment.target
    problems: list[tuple[str, object, str]] = []
    if target != "local":
        problems.append(("environment.target", target, "this target does not exist yet; expected 'local'"))
    for setting, replicas in (
        ("logging.index.replicas", spec.logging.index.replicas),
        ("tracing.storage.replicas", spec.tracing.storage.replicas),
    ):
        if replicas:
            why = "the one OpenSearch node of this target has no other to copy to; expected 0"
            problems.append((setting, replicas, why))
    runs_redis = any(service.run and service.run.redis for service in spec.services)
    if "redis" in spec.metrics.exporters and not runs_redis:
        why = "no service with `run` uses Redis, so there is none to watch; take 'redis' out"
        problems.append(("metrics.exporters", "redis", why))
    if problems:
        raise Refused(target, problems)


def _secrets(spec: Spec) -> list[Secret]:
    secrets = [Secret(name=name, source="generated", key="") for name in opensearch.SECRETS]
    secrets += [Secret(name=secret.name, source=secret.source, key=secret.key) for secret in spec.secrets]
    return sorted(secrets, key=lambda secret: secret.name)


def _ordered(units: list[Unit]) -> list[Unit]:
    """The units such that each comes after what it needs; otherwise in the order given."""
    done: list[Unit] = []
    names: set[str] = set()
    todo = units
    while todo:
        ready = [unit for unit in todo if names.issuperset(unit.needs)]
        if not ready:
            raise ValueError(f"units need each other in a circle: {sorted(unit.name for unit in todo)}")
        done += ready
        names |= {unit.name for unit in ready}
        todo = [unit for unit in todo if unit.name not in names]
    return done
