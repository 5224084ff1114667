"""Redis, which the demo shop keeps its stock in."""

import ipaddress

from components.render import tls
from components.render.document import Document, Documents
from components.running import Health, Running, program
from components.site import Site
from components.spec import Spec


def render(spec: Spec, site: Site) -> Documents:
    """`redis.conf`: a snapshot now and then, little memory. Off loopback its protected mode would, from
    Redis 7 on, refuse everybody it is there for."""
    del spec
    alone = ipaddress.ip_address(site.host("redis")).is_loopback
    lines = [
        f"bind {site.host('redis')}",
        f"port {site.port('redis')}",
        f"protected-mode {'yes' if alone else 'no'}",
        "daemonize no",
        f"dir {site.data('redis')}",
        "save 60 1",
        "maxmemory 64mb",
        "maxmemory-policy allkeys-lru",
        "loglevel notice",
    ]
    return {"redis.conf": Document("\n".join(lines) + "\n", "text")}


def running(spec: Spec, site: Site) -> Running:
    """Without a check: Redis has no command that judges a configuration. Nothing in `redis.conf` comes from
    the stack file but the port. A password that it asks for is in no file of its configuration."""
    del spec
    server = program("redis", "redis-server")
    asking = ("{python}", "-m", "agents.redis_asking", "--server", server, "--configuration", "redis.conf")
    return Running(
        command=(
            (*asking, "--password-file", site.secret(site.password))
            if site.password
            else (server, "redis.conf")
        ),
        secrets=tls.passwords(site),
        health=Health("redis", protocol="redis"),
        memory_mb=30,
    )
