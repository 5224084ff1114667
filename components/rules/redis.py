"""Alerts on Redis."""

from components.rules.model import Alert, Firing, lasting, later
from components.rules.platform import Platform, pair
from components.spec import Spec

_TARGET = 'instance="host:1",job="redis-exporter"'


def redis(spec: Spec) -> tuple[Alert, ...]:
    """Whether Redis answers its exporter."""
    platform = Platform(spec, "redis")
    return (_redis_down(platform),)


def _redis_down(platform: Platform) -> Alert:
    down = platform.spec.metrics.rules.target_down
    at = later(down, "2m")
    return platform.alert(
        name="RedisDown",
        expr='redis_up{job="redis-exporter"} == 0',
        severity="critical",
        summary="Redis does not answer",
        description="Redis does not answer its exporter {{ $labels.instance }} (redis_up is {{ $value }}).",
        cases=lambda: pair(
            ((f"redis_up{{{_TARGET}}}", lasting(0, at)),),
            ((f"redis_up{{{_TARGET}}}", lasting(1, at)),),
            at,
            Firing("0", {"instance": "host:1", "job": "redis-exporter"}),
        ),
        hold=down,
    )
