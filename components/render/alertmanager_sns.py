"""Alertmanager where it can tell nobody but an SNS topic, as in Amazon Managed Service for Prometheus, or in
a network without a way out.

Routes, grouping, inhibitions and words are those of every target. Each receiver becomes messages to one
topic, which say for whom they are; `agents.sns_relay` gives them to the receiver. A message holds the texts
that Alertmanager itself would have sent there, each below a line with its name. That line begins with a
character that no value has, since those that end lines are taken out of all of them: no text can pass for it.
A ticket's message is the webhook's JSON.
"""

from typing import Any

from components.render import alertmanager, text
from components.render.alertmanager_text import MAX_ALERTS, TEMPLATE
from components.render.document import Document, Documents
from components.spec import Receiver, Spec

SUBJECT = 100
"""Characters that SNS takes, of ASCII without line ends; it refuses the whole message otherwise."""
LONGEST_REPEAT = "5d"
"""After which the managed Alertmanager forgets what it has told."""
TEMPLATES = "obs.tmpl"


def render(spec: Spec, topic: str, region: str) -> Documents:
    """`alertmanager.yml`, the definition of a workspace. The topic's ARN may be a token."""
    definition = {
        "alertmanager_config": text.text(Document(_config(spec, topic, region, TEMPLATES), "yaml")),
        "template_files": {TEMPLATES: TEMPLATE + _MESSAGES},
    }
    return {"alertmanager.yml": Document(definition, "yaml")}


def own(spec: Spec, topic: str, region: str) -> Documents:
    """The same for an Alertmanager of the stack's own: `alertmanager.yml`, and its messages' template."""
    path = f"templates/{TEMPLATES}"
    return {
        "alertmanager.yml": Document(_config(spec, topic, region, path), "yaml"),
        path: Document(TEMPLATE + _MESSAGES, "text"),
    }


def _config(spec: Spec, topic: str, region: str, templates: str) -> dict[str, Any]:
    return {
        "templates": [templates],
        "route": alertmanager.route(spec),
        "receivers": [_receiver(receiver, topic, region) for receiver in spec.alerting.receivers],
        **alertmanager.inhibitions(spec),
    }


def _receiver(receiver: Receiver, topic: str, region: str) -> dict[str, Any]:
    told = {
        "topic_arn": topic,
        "sigv4": {"region": region},
        "send_resolved": receiver.send_resolved,
        "subject": '{{ template "obs.sns.subject" . }}',
        "message": f'{{{{ template "obs.sns.{receiver.kind}" . }}}}',
        "attributes": {"kind": receiver.kind, "receiver": receiver.name},
    }
    return {"name": receiver.name, "sns_configs": [told]}


def _sections(kind: str, **parts: str) -> str:
    """A message of texts below their names."""
    named = "".join(f'{{{{ "\\u2029" }}}}--{name}--\n{value}\n' for name, value in parts.items())
    return f'\n{{{{ define "obs.sns.{kind}" -}}}}\n{named}{{{{- end }}}}\n'


def _of(name: str, value: str = ".") -> str:
    return f'{{{{ template "obs.{name}" {value} }}}}'


_JSON = (
    r' | reReplaceAll `\\` `\\` | reReplaceAll `"` `\"` | reReplaceAll `\n` `\n`'
    r" | reReplaceAll `[\x00-\x1F]` ` `"
)
"""A value as it stands in a string of JSON. In what is put in, a backslash is itself."""

_OWN = r"""
{{ define "obs.sns.subject" -}}
{{ printf "[%s] %s (%s) %s" (.Status | toUpper) .CommonLabels.alertname .CommonLabels.severity
  .CommonLabels.service | reReplaceAll `[^\x20-\x7E]+` "?" | reReplaceAll `^(.{CUT}).{4,}$` "${1}..." }}
{{- end }}

{{ define "obs.sns.pairs" -}}
{ {{- range $at, $pair := .SortedPairs }}{{ if $at }},{{ end }}"{{ $pair.Name }}":"{{ $pair.Value JSON }}"
{{- end -}} }
{{- end }}

{{ define "obs.sns.ticket" -}}
{{ $some := .Alerts }}{{ if gt (len .Alerts) MANY }}{{ $some = slice .Alerts 0 MANY }}{{ end -}}
{"version":"4","status":"{{ .Status }}","receiver":"{{ .Receiver JSON }}",
"truncatedAlerts":{{ if gt (len .Alerts) MANY }}{{ len (slice .Alerts MANY) }}{{ else }}0{{ end }},
"groupLabels":{{ template "obs.sns.pairs" .GroupLabels }},
"commonLabels":{{ template "obs.sns.pairs" .CommonLabels }},
"commonAnnotations":{{ template "obs.sns.pairs" .CommonAnnotations }},
"externalURL":"{{ .ExternalURL JSON }}",
"alerts":[{{ range $at, $alert := $some }}{{ if $at }},{{ end }}
{"status":"{{ $alert.Status }}","labels":{{ template "obs.sns.pairs" $alert.Labels }},
"annotations":{{ template "obs.sns.pairs" $alert.Annotations }},
"startsAt":"{{ $alert.StartsAt TIME }}","endsAt":"{{ $alert.EndsAt TIME }}",
"fingerprint":"{{ $alert.Fingerprint }}"}{{ end }}]}
{{- end }}
"""


def _own() -> str:
    words = {
        "CUT": str(SUBJECT - 3),
        "JSON": _JSON.removeprefix(" "),
        "MANY": str(MAX_ALERTS),
        " TIME": '.Format "2006-01-02T15:04:05.000Z07:00"',
    }
    found = _OWN
    for word, value in words.items():
        found = found.replace(word, value)
    return found


_GROUP = "{{ range .GroupLabels.SortedPairs }}{{ .Name }}={{ .Value | reReplaceAll `\\s+` ` ` }};{{ end }}"

_MESSAGES = (
    _own()
    + _sections(
        "slack",
        color=_of("color"),
        title=_of("slack.title"),
        link=_of("link"),
        footer=_of("slack.where"),
        text=_of("slack.text"),
    )
    + _sections("teams", title=_of("teams.title"), text=_of("teams.text"))
    + _sections(
        "pagerduty",
        status="{{ .Status }}",
        group_key=_GROUP,
        title=_of("pagerduty.title"),
        severity=_of("pagerduty.severity"),
        source=_of("pagerduty.where"),
        component=_of("pagerduty.component"),
        group=_of("pagerduty.group"),
        **{"class": _of("pagerduty.class")},
        link=_of("link"),
        alerts=_of("pagerduty.alerts"),
        firing=_of("pagerduty.list", ".Alerts.Firing"),
        resolved=_of("pagerduty.list", ".Alerts.Resolved"),
    )
)
