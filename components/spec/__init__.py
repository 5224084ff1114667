"""The model of a stack: what one environment's observability shall be; validated once, no secret in it.

Built by `stacks.loader`; read by `components.render` and the targets' plans. A module a pillar.
"""

import re
from collections.abc import Collection
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.spec.alerting import Alerting, Receiver, Route, Team
from components.spec.aws import Aws
from components.spec.base import LabelName, LabelValue, Like, Model, Name, milliseconds, size_bytes
from components.spec.consistency import problems
from components.spec.kubernetes import Kubernetes
from components.spec.logging import Logging
from components.spec.metrics import AlertRule, Metrics
from components.spec.policy import Policy
from components.spec.problem import Problem
from components.spec.servers import Servers
from components.spec.services import Service
from components.spec.tracing import Tracing


class Environment(Model):
    """What every signal is labelled with, and where the stack goes."""

    name: Name
    tier: Literal["dev", "test", "staging", "prod"]
    target: Literal["local", "vsi", "kubernetes", "aws"]
    cluster: LabelValue
    region: LabelValue
    team: Name

    @property
    def labels(self) -> dict[str, str]:
        """The labels on every signal: env, cluster, region, team."""
        return {"env": self.name, "cluster": self.cluster, "region": self.region, "team": self.team}


class Deploy(Model):
    """How the stack stands on its host."""

    port_base: Annotated[int, Field(ge=1024, le=65000)] = 21000
    """All ports are counted from here; the environment variable OBS_PORT_BASE overrides it."""
    retain: bool = True
    """Whether `destroy` keeps data."""
    opensearch_heap_mb: Annotated[int, Field(ge=256, le=31_000)] = 768
    loopback: Literal["open", "guarded"] = "open"
    """What programs on this machine ask of who dials them: nothing, or who that is, by a certificate of the
    stack's authority or a password. For a machine that several share."""


class SecretSource(Model):
    """Where the value of a named secret comes from; the value itself never stands in a stack file."""

    name: Name
    source: Literal["environment", "config", "kubernetes"]
    """`environment`: the variable `key` where `obs` runs; `config`: the Pulumi secret `obs:<key>`;
    `kubernetes`: a Secret that is in the stack's namespace already, as `<Secret>/<key>`."""
    key: Annotated[
        str,
        Like(
            r"^([a-z0-9][a-z0-9.-]{0,251}/)?[A-Za-z0-9._-]{1,253}$",
            "letters, digits, underscores and hyphens, first a letter; of source kubernetes a Secret and its "
            "key, as in 'webhooks/slack'",
        ),
    ]

    @model_validator(mode="after")
    def _key_of_its_source(self) -> Self:
        """Only a cluster has Secrets; a variable and a configuration key are words."""
        if self.source == "kubernetes":
            if "/" not in self.key:
                raise ValueError("expected `key` with a Secret and its key, as in 'webhooks/slack'")
        elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,79}", self.key):
            raise ValueError("expected `key` of letters, digits, underscores and hyphens, first a letter")
        return self


class Spec(Model):
    """One environment's stack, whole."""

    environment: Environment
    deploy: Deploy = Deploy()
    servers: Servers = Servers()
    aws: Aws = Aws()
    kubernetes: Kubernetes = Kubernetes()
    secrets: tuple[SecretSource, ...] = ()
    services: tuple[Service, ...] = ()
    metrics: Metrics = Metrics()
    alerting: Alerting
    logging: Logging = Logging()
    tracing: Tracing = Tracing()
    policy: Policy = Policy()

    def problems(self, sections: Collection[str] | None = None) -> list[Problem]:
        """What does not fit together across parts; with `sections`, in these alone: the others may not be
        there."""
        return problems(self, sections)


__all__ = [
    "AlertRule",
    "Alerting",
    "Aws",
    "Deploy",
    "Environment",
    "Kubernetes",
    "LabelName",
    "Logging",
    "Metrics",
    "Policy",
    "Receiver",
    "Route",
    "SecretSource",
    "Servers",
    "Service",
    "Spec",
    "Team",
    "Tracing",
    "milliseconds",
    "size_bytes",
]
