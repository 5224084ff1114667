"""Alertmanager's conf folder: who is told of which alert, and in which words.

Routes, tried in order: the dead man's switch; the stack file's exceptions; the team that owns the alert; and
whatever is left goes to the platform team, so that no alert is lost for want of a route.
"""

import json
from typing import Any

from components.addresses import Addresses
from components.render.rules import duration
from components.render.rules_metrics import DEAD_MANS_SWITCH
from components.render.yaml_text import dump
from components.spec import Receiver, Route, Spec, milliseconds

_SECRETS = "../../../secrets"
"""Relative to the conf folder, in which Alertmanager runs."""

TEMPLATE = """\
{{/* Titles read "[FIRING:2] AlertName (severity) service". Each message carries the runbook: a link if it is
     a URL, else its path. */}}
{{ define "obs.severity" -}}
{{ with .CommonLabels.severity }}{{ . }}{{ else }}mixed{{ end }}
{{- end }}

{{ define "obs.title" -}}
[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ .Alerts.Firing | len }}{{ end }}]
{{- " " }}{{ with .CommonLabels.alertname }}{{ . }}{{ else }}SeveralAlerts{{ end }}
{{- " " }}({{ template "obs.severity" . }})
{{- with .CommonLabels.service }} {{ . }}{{ end }}
{{- end }}

{{ define "obs.runbook" -}}
{{ (index .Alerts 0).Annotations.runbook }}
{{- end }}

{{ define "obs.runbook.link" -}}
{{ with (index .Alerts 0).Annotations.runbook }}{{ if match "^https?://" . }}{{ . }}{{ end }}{{ end }}
{{- end }}

{{ define "obs.runbook.text" -}}
{{ with (index .Alerts 0).Annotations.runbook }}{{ . }}
{{- if not (match "^https?://" .) }} (in the repository of this stack){{ end }}{{ end }}
{{- end }}

{{ define "obs.descriptions" -}}
{{ range .Alerts -}}
{{ if eq .Status "resolved" }}Over: {{ end }}{{ .Annotations.summary }}. {{ .Annotations.description }}

{{ end -}}
{{ end }}

{{ define "obs.where" -}}
{{ with .CommonLabels.env }}{{ . }}{{ else }}-{{ end }}
{{- " / " }}{{ with .CommonLabels.cluster }}{{ . }}{{ else }}-{{ end }}
{{- " / " }}{{ with .CommonLabels.region }}{{ . }}{{ else }}-{{ end }}
{{- end }}

{{ define "obs.text" -}}
{{ template "obs.descriptions" . }}Where: {{ template "obs.where" . }}
{{ with .CommonLabels.team }}
Team: {{ . }}
{{ end }}
Runbook: {{ template "obs.runbook.text" . }}
{{- end }}

{{ define "obs.color" -}}
{{ if eq .Status "resolved" }}good{{ else if eq .CommonLabels.severity "critical" }}danger
{{- else if eq .CommonLabels.severity "info" }}#439fe0{{ else }}warning{{ end }}
{{- end }}

{{ define "obs.pagerduty.severity" -}}
{{ if match "^(critical|warning|info)$" .CommonLabels.severity }}{{ .CommonLabels.severity }}
{{- else }}warning{{ end }}
{{- end }}
"""


def render(spec: Spec, addresses: Addresses) -> dict[str, str]:
    """`alertmanager.yml` and the template of its messages."""
    alerting = spec.alerting
    config: dict[str, Any] = {
        "templates": ["templates/*.tmpl"],
        "route": _root(spec),
        "receivers": [_receiver(receiver, addresses) for receiver in alerting.receivers],
    }
    if alerting.inhibitions:
        config["inhibit_rules"] = [
            {
                "source_matchers": _matchers(rule.source),
                "target_matchers": _matchers(rule.target),
                "equal": list(rule.equal),
            }
            for rule in alerting.inhibitions
        ]
    return {"alertmanager.yml": dump(config), "templates/obs.tmpl": TEMPLATE}


def _root(spec: Spec) -> dict[str, Any]:
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


def _receiver(receiver: Receiver, addresses: Addresses) -> dict[str, Any]:
    """A receiver; its address is the sink's, or is read from the secret's file whenever it is used."""
    sink = f"http://{addresses['sink']}/{receiver.kind}/{receiver.name}" if receiver.to_sink else None
    file = f"{_SECRETS}/{receiver.secret}"
    resolved = {"send_resolved": receiver.send_resolved}
    title, text = '{{ template "obs.title" . }}', '{{ template "obs.text" . }}'
    runbook, link = '{{ template "obs.runbook" . }}', '{{ template "obs.runbook.link" . }}'
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
            "footer": '{{ template "obs.where" . }}',
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
        config = {
            **address,
            **resolved,
            "description": title,
            "severity": '{{ template "obs.pagerduty.severity" . }}',
            "client": "Alertmanager",
            "source": '{{ template "obs.where" . }}',
            "component": "{{ .CommonLabels.service }}",
            "group": "{{ .CommonLabels.team }}",
            "class": "{{ .CommonLabels.alertname }}",
            "details": {"description": '{{ template "obs.descriptions" . }}', "runbook": runbook},
            "links": [{"href": link, "text": "Runbook"}],
        }
        return {"name": receiver.name, "pagerduty_configs": [config]}
    address = {"url": sink} if sink else {"url_file": file}
    return {"name": receiver.name, "webhook_configs": [{**address, **resolved}]}
