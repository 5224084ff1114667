"""Services that the stack runs: a service's own container, and beside it the shipper of what it writes, as
FireLens has it. In a cluster one shipper on each node reads what all pods there write."""

from aws import own_logs
from aws.images import image
from aws.names import Names
from aws.site import on_pods, site_of, site_of_nodes
from aws.tasks import CONF, SHIPS, Shipper, Work
from components.plan import Pillar, part_id
from components.render import fluent_bit, fluent_bit_forward, services
from components.spec import Service, Spec

SHIPPER_MB = 100
"""What Fluent Bit is expected to take beside a service."""


def service_work(spec: Spec, names: Names, service: Service, stored: tuple[str, ...]) -> Work:
    """A service with `run`. What it writes is in the store; what its shipper writes is in CloudWatch."""
    run, site = service.run, site_of(spec)
    if run is None:
        raise ValueError(f"service {service.name} is not run by the stack")
    shipped = {} if on_pods(spec) else fluent_bit_forward.render(spec, site, service, CONF)
    called = (*run.calls, *(("redis",) if run.redis else ()))
    return Work(
        name=service.name,
        pillar=Pillar.SERVICES,
        image=image(spec, "programs"),
        command=(*run.command, "--settings", "settings.json"),
        documents={**services.render(spec, site, service), **shipped},
        memory_mb=run.memory_mb + (SHIPPER_MB if shipped else 0),
        secrets=(fluent_bit.PASSWORD,) if shipped else (),
        needs=(*stored, *(part_id(name, names.region) for name in ("collector", *called))),
        port=site.service(service).port,
        shipper=Shipper(spec.aws.images.fluent_bit or "", site.data(fluent_bit.NAME)) if shipped else None,
        serves=True,
    )


def shipper_work(spec: Spec, names: Names, own: tuple[str, ...], stored: tuple[str, ...]) -> Work:
    """The shipper of a node: into the store what services write, into CloudWatch what the stack's own
    programs do. It is there before the services."""
    site = site_of_nodes(spec)
    shipping = fluent_bit.render(spec, site)
    services = tuple(service.name for service in spec.services if service.run)
    return Work(
        name=fluent_bit.NAME,
        pillar=Pillar.LOGGING,
        image=spec.aws.images.fluent_bit or "",
        command=SHIPS,
        documents=own_logs.shipped(spec, names, site, own, shipping),
        memory_mb=SHIPPER_MB,
        secrets=(fluent_bit.PASSWORD,) if shipping else (),
        may=(own_logs.may_write(names, (*own, *services)),),
        needs=stored,
        on_nodes=True,
    )
