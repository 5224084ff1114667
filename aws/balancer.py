"""The load balancer before the gateways, decided: services elsewhere in the network send over TLS to one
name, and a gateway that is away is not asked."""

from aws.names import Names
from aws.parts import Balancer, Key, Network, Target
from aws.site import GRAFANA, site_of
from components.plan import Pillar
from components.render import grafana_own
from components.spec import Spec

PROTOCOLS = (("grpc", "HTTP2Only"), ("http", "HTTP2Optional"))
"""What OTLP is spoken over, and what is agreed on when TLS begins."""
HTTPS = 443


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
        targets=(*_gateways(spec, names), *_pages(spec, names)),
    )


def taking(balancer: Balancer) -> tuple[Target, ...]:
    """Ports of the gateways."""
    return tuple(target for target in balancer.targets if target.name != GRAFANA)


def shown(balancer: Balancer | None) -> tuple[Target, ...]:
    """Those of what people open."""
    return tuple(target for target in balancer.targets if target.name == GRAFANA) if balancer else ()


def _gateways(spec: Spec, names: Names) -> tuple[Target, ...]:
    """As many as there are protocols."""
    site = site_of(spec)
    health = site.port("collector-health")
    return tuple(
        Target(name=protocol, called=names.own(protocol), opened=port, port=port, alpn=alpn, health=health)
        for protocol, alpn in PROTOCOLS
        if site.has(listener := f"collector-otlp-{protocol}")
        for port in [site.port(listener)]
    )


def _pages(spec: Spec, names: Names) -> tuple[Target, ...]:
    """Where a browser looks when it is told no port."""
    if not spec.aws.grafana:
        return ()
    port = site_of(spec).port(GRAFANA)
    return (
        Target(
            name=GRAFANA,
            called=names.own(GRAFANA),
            opened=HTTPS,
            port=port,
            alpn="HTTP2Optional",
            health=port,
            path=grafana_own.HEALTH,
        ),
    )
