"""The load balancer before the gateways, decided: services elsewhere in the network send over TLS to one
name, and a gateway that is away is not asked."""

from aws.names import Names
from aws.parts import Balancer, Key, Network, Target
from aws.site import site_of
from components.plan import Pillar
from components.spec import Spec

PROTOCOLS = (("grpc", "HTTP2Only"), ("http", "HTTP2Optional"))
"""What OTLP is spoken over, and what is agreed on when TLS begins."""


def balancer(spec: Spec, names: Names, key: Key, network: Network) -> Balancer | None:
    """None where no certificate is named: without one nobody could send over TLS."""
    certificate = spec.aws.balancer.certificate
    if certificate is None:
        return None
    return Balancer(
        place=names.region,
        pillar=Pillar.TRACING,
        needs=(key.id, network.id),
        called=names.prefix,
        certificate=certificate,
        cidr=spec.aws.vpc.cidr,
        health=site_of(spec).port("collector-health"),
        targets=targets(spec, names),
    )


def targets(spec: Spec, names: Names) -> tuple[Target, ...]:
    """Ports of the gateways that are reached by it, as many as there are protocols."""
    site = site_of(spec)
    return tuple(
        Target(name=protocol, called=names.own(protocol), port=site.port(listener), alpn=alpn)
        for protocol, alpn in PROTOCOLS
        if site.has(listener := f"collector-otlp-{protocol}")
    )
