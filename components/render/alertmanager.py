"""Alertmanager's conf folder: who is told of which alert, and in which words.

Routes, tried in order: the dead man's switch; the stack file's exceptions; the team that owns the alert; and
whatever is left goes to the platform team, so that no alert is lost for want of a route.
"""

import json
from typing import Any

from components.render import tls
from components.render.alertmanager_text import MAX_ALERTS, TEMPLATE
from components.render.document import Document, Documents
from components.rules.alertmanager import DEAD_MANS_SWITCH
from components.rules.model import duration
from components.running import Health, Running, program
from components.site import LOGIN, Site
from components.spec import Receiver, Route, Spec, milliseconds


def render(spec: Spec, site: Site) -> Documents:
    """`alertmanager.yml` and the template of its messages."""
    alerting = spec.alerting
    config: dict[str, Any] = {
        "templates": [f"{site.folders.templates}/*.tmpl"],
        "route": route(spec),
        "receivers": [_receiver(receiver, site) for receiver in alerting.receivers],
        **inhibitions(spec),
    }
    return {
        "alertmanager.yml": Document(config, "yaml"),
        "templates/obs.tmpl": Document(TEMPLATE, "text"),
        **tls.web(site, "alertmanager"),
        **_gossip(site),
    }


def running(spec: Spec, site: Site) -> Running:
    """Several are a cluster: what one has told, or been silenced about, the others know."""
    return Running(
        command=(
            program("alertmanager", "alertmanager"),
            "--config.file=alertmanager.yml",
            "--storage.path={data}",
            *tls.flags(site, "alertmanager"),
            *_cluster(site),
            "--log.format=json",
        ),
        checks=((program("alertmanager", "amtool"), "check-config", "alertmanager.yml"),),
        reload="SIGHUP",
        health=Health("alertmanager", "/-/ready"),
        secrets=tuple(sorted({*_secrets(spec), *(tls.passwords(site) if spec.alerting.sink else ())})),
        memory_mb=60,
    )


def _secrets(spec: Spec) -> list[str]:
    return [item.secret for item in spec.alerting.receivers if item.secret]


CLUSTER = "alertmanager-cluster"
"""The listener at which several ask each other."""
GOSSIP = "cluster.yml"


def _cluster(site: Site) -> tuple[str, ...]:
    """One alone has nobody to gossip with."""
    if not site.has(CLUSTER):
        return ("--cluster.listen-address=",)
    here = site.here(site.listeners[CLUSTER])
    return (
        f"--cluster.listen-address={site.bind(CLUSTER)}",
        *((f"--cluster.advertise-address={here}",) if here else ()),
        *(f"--cluster.peer={address}" for address in site.dial_all(CLUSTER) if address != here),
        *((f"--cluster.tls-config={GOSSIP}",) if site.serves_tls(CLUSTER) else ()),
    )


def _gossip(site: Site) -> Documents:
    """How they ask each other over TLS."""
    if not site.has(CLUSTER) or not site.serves_tls(CLUSTER):
        return {}
    config = {
        "tls_server_config": tls.server(site, "alertmanager"),
        "tls_client_config": tls.trusted(site, "alertmanager"),
    }
    return {GOSSIP: Document(config, "yaml")}


def inhibitions(spec: Spec) -> dict[str, Any]:
    """Which alerts rest while others fire; empty where none does."""
    rules = [
        {
            "source_matchers": _matchers(rule.source),
            "target_matchers": _matchers(rule.target),
            "equal": list(rule.equal),
        }
        for rule in spec.alerting.inhibitions
    ]
    return {"inhibit_rules": rules} if rules else {}


def route(spec: Spec) -> dict[str, Any]:
    """The tree of routes, whose leaves are receivers by name."""
    alerting = spec.alerting
    owners = {team.name: team.receiver for team in alerting.teams}
    return {
        "receiver": owners[alerting.platform_team],
        "group_by": list(alerting.grouping.by),
        "group_wait": alerting.grouping.wait,
        "group_interval": alerting.grouping.interval,
        "repeat_interval": alerting.grouping.repeat,
        "routes": [
            _dead_mans_switch(spec),
            *(_exception(route, owners) for route in alerting.routes),
            *(
                {"matchers": _matchers({"team": team}), "receiver": receiver}
                for team, receiver in sorted(owners.items())
            ),
        ],
    }


def _dead_mans_switch(spec: Spec) -> dict[str, Any]:
    """Each interval a notification. The repeat interval is half of it: with the two equal, every second one
    would be held back for being some milliseconds early."""
    switch = spec.alerting.dead_mans_switch
    return {
        "matchers": _matchers({"alertname": DEAD_MANS_SWITCH}),
        "receiver": switch.receiver,
        "group_by": ["alertname", *spec.environment.labels],
        "group_wait": "0s",
        "group_interval": switch.interval,
        "repeat_interval": duration(max(milliseconds(switch.interval) // 2, 1)),
    }


def _exception(route: Route, owners: dict[str, str]) -> dict[str, Any]:
    """An exception of the stack file. Where the owner is told too, alerts whose owner has the same receiver
    are left to the owner's route, or they would be delivered twice."""
    matchers = _matchers(route.match)
    if route.also_owner:
        same = sorted(team for team, receiver in owners.items() if receiver == route.receiver)
        if same:
            matchers.append(f'team!~"{"|".join(same)}"')
    return {"matchers": matchers, "receiver": route.receiver, "continue": route.also_owner}


def _matchers(labels: dict[str, str]) -> list[str]:
    return [f"{name}={json.dumps(value)}" for name, value in sorted(labels.items())]


def _receiver(receiver: Receiver, site: Site) -> dict[str, Any]:
    """A receiver; its address is the sink's, or is read from the secret's file whenever it is used."""
    sink = f"{site.url('sink')}/{receiver.kind}/{receiver.name}" if receiver.to_sink else None
    file = site.secret(receiver.secret or "")
    resolved = {"send_resolved": receiver.send_resolved, **(_to_sink(site) if sink else {})}
    title, text = (f'{{{{ template "obs.{receiver.kind}.{part}" . }}}}' for part in ("title", "text"))
    link = '{{ template "obs.link" . }}'
    config: dict[str, Any]
    if receiver.kind == "slack":
        address = {"api_url": sink} if sink else {"api_url_file": file}
        channel = {"channel": receiver.channel} if receiver.channel else {}
        config = {
            **address,
            **channel,
            **resolved,
            "color": '{{ template "obs.color" . }}',
            "title": title,
            "title_link": link,
            "text": text,
            "fallback": title,
            "footer": '{{ template "obs.slack.where" . }}',
            "mrkdwn_in": ["pretext"],  # which there is none of: nothing is formatted
        }
        return {"name": receiver.name, "slack_configs": [config]}
    if receiver.kind == "teams":
        address = {"webhook_url": sink} if sink else {"webhook_url_file": file}
        return {
            "name": receiver.name,
            "msteamsv2_configs": [{**address, **resolved, "title": title, "text": text}],
        }
    if receiver.kind == "pagerduty":
        address = {"url": sink, "routing_key": "sink"} if sink else {"routing_key_file": file}
        return {"name": receiver.name, "pagerduty_configs": [{**address, **resolved, **_event(title, link)}]}
    address = {"url": sink} if sink else {"url_file": file}
    return {
        "name": receiver.name,
        "webhook_configs": [{**address, **resolved, "max_alerts": MAX_ALERTS}],
    }


def _to_sink(site: Site) -> dict[str, Any]:
    """How the sink is asked where it shows a certificate of the stack's authority, or asks for a password."""
    if site.tls("sink"):
        return {"http_config": {"tls_config": tls.trusted(site, "alertmanager")}}
    if not site.password:
        return {}
    login = {"username": LOGIN, "password_file": site.secret(site.password)}
    return {"http_config": {"basic_auth": login}}


def _event(title: str, link: str) -> dict[str, Any]:
    """PagerDuty's event. `firing` and `resolved` stand for details of Alertmanager's own, which list every
    label of every alert: in a large incident they pass 512 KB, and all details are taken out."""

    def part(name: str, of: str = ".") -> str:
        return f'{{{{ template "obs.pagerduty.{name}" {of} }}}}'

    return {
        "description": title,
        "severity": part("severity"),
        "client": "Alertmanager",
        "source": part("where"),
        "component": part("component"),
        "group": part("group"),
        "class": part("class"),
        "details": {
            "description": part("alerts"),
            "runbook": '{{ (index .Alerts 0).Annotations.runbook | printf "%.1000s" }}',
            "firing": part("list", ".Alerts.Firing"),
            "resolved": part("list", ".Alerts.Resolved"),
        },
        "links": [{"href": link, "text": "Runbook"}],
    }
