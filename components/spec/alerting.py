"""Who is told of what, and how."""

from typing import Annotated, Literal, Self

from pydantic import field_validator, model_validator

from components.spec.base import (
    Duration,
    LabelName,
    LabelValue,
    Like,
    Model,
    Name,
    NotEmpty,
    Severity,
    duplicates,
)

LabelKey = LabelName


class Receiver(Model):
    """A place where notifications go."""

    name: Name
    kind: Literal["slack", "teams", "pagerduty", "ticket"]
    """`ticket` is Alertmanager's own webhook payload, for a ticketing system."""
    secret: Name | None = None
    """Name of the secret that holds the URL (PagerDuty: the routing key)."""
    to_sink: bool = False
    """Deliver to the stack's own sink instead: no secret needed. Only where `alerting.sink` is on."""
    channel: (
        Annotated[
            str,
            Like(
                r"^#[a-z0-9_-]{1,79}$",
                "a channel in quotes, as in '#shop-web': lower-case letters, digits, underscores and hyphens",
            ),
        ]
        | None
    ) = None
    """Slack's channel; the webhook's own if absent."""
    send_resolved: bool = True

    @model_validator(mode="after")
    def _one_destination(self) -> Self:
        if (self.secret is None) == (not self.to_sink):
            raise ValueError("expected exactly one of `secret` and `to_sink: true`")
        if self.channel is not None and self.kind != "slack":
            raise ValueError("expected `channel` only with kind 'slack'")
        return self


class Team(Model):
    """A team and where its alerts go."""

    name: Name
    receiver: Name


class Route(Model):
    """An exception from "the owning team's receiver": alerts with these labels go there instead."""

    match: Annotated[dict[LabelName, LabelValue], NotEmpty()]
    receiver: Name
    also_owner: bool = False
    """Whether the owning team's receiver is told too."""


class Grouping(Model):
    """How alerts are gathered into notifications."""

    by: tuple[LabelKey, ...] = ("alertname", "service", "env")
    wait: Duration = "30s"
    interval: Duration = "5m"
    repeat: Duration = "4h"

    @field_validator("by")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if twice := duplicates(list(value)):
            raise ValueError(f"expected each label once; twice: {', '.join(twice)}")
        return value


class Inhibition(Model):
    """While an alert matching `source` fires, those matching `target` with the same `equal` labels rest."""

    source: Annotated[dict[LabelName, LabelValue], NotEmpty()]
    target: Annotated[dict[LabelName, LabelValue], NotEmpty()]
    equal: Annotated[tuple[LabelName, ...], NotEmpty()]


class DeadMansSwitch(Model):
    """An alert that always fires: when its notifications stop, alerting itself is broken."""

    receiver: Name
    interval: Duration = "1m"
    severity: Severity = "info"


class Alerting(Model):
    """Teams, receivers and the way between them."""

    teams: Annotated[tuple[Team, ...], NotEmpty()]
    receivers: Annotated[tuple[Receiver, ...], NotEmpty()]
    routes: tuple[Route, ...] = ()
    grouping: Grouping = Grouping()
    inhibitions: tuple[Inhibition, ...] = ()
    dead_mans_switch: DeadMansSwitch
    platform_team: Name
    """Owns the alerts on the stack itself."""
    sink: bool = False
    """Whether the stack runs an HTTP sink that speaks the receivers' payloads and counts deliveries."""
    runbook_base: (
        Annotated[
            str,
            Like(r"^https?://[!-~]+/$", "a URL that ends in '/', as in 'https://git.example/obs/blob/main/'"),
        ]
        | None
    ) = None
    """Where this repository can be read, put in front of runbook paths in notifications, as in
    'https://git.example/obs/blob/main/'. Without it they link to the stack's own web pages."""
