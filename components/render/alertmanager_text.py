"""The words of notifications: Alertmanager's template, which gives each kind of receiver text that stays text
and stays below what the receiver takes.

What stands in a label or an annotation comes from strangers. Before it reaches a message it becomes one line,
is cut at a character, and loses what the receiver would read as markup:

- Slack reads `<!channel>`, `<@user>` and `<url|text>` wherever they stand; `&`, `<` and `>` are written as
  entities (https://api.slack.com/reference/surfaces/formatting#escaping). `mrkdwn_in` of the attachment keeps
  `*`, `_` and backticks what they are.
- Teams reads Markdown in the text blocks of an adaptive card; a backslash before each active character
  (https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features).
- PagerDuty and a ticket system's webhook take plain text.

How much they take:

- Slack: a title of 1,024 characters (Alertmanager cuts there), a text of 40,000, of which people report that
  it is cut from 8,000 on (https://api.slack.com/methods/chat.postMessage);
- Teams: a message of 28 KB, or it answers 413 and nobody is told
  (https://learn.microsoft.com/microsoftteams/limits-specifications-teams);
- PagerDuty: a summary of 1,024 characters and an event of 512 KB, above which Alertmanager takes out all
  details (https://developer.pagerduty.com/docs/send-alert-event);
- a webhook: what the ticket system takes; nginx's own limit, 1 MB, is a common one.

So a message names each alert when there are up to `FULL`, and else the first `SHOWN` that fire, the first
`SHOWN_OVER` that are over, and how many more there are.
"""

from dataclasses import dataclass

FULL = 3
"""Up to so many alerts, each is told whole."""
SHOWN = 10
SHOWN_OVER = 3
LISTED = 50
"""In PagerDuty's details, which have room."""
MAX_ALERTS = 50
"""In a webhook; Alertmanager counts the others in `truncatedAlerts`, and cuts no label."""

_ONE_LINE = (r"[\s\p{Cc}\x{2028}\x{2029}]+", " ")
_NO_TURNING = (r"[\x{202A}-\x{202E}\x{2066}-\x{2069}]", "")
"""Characters that turn the direction of what follows them."""


@dataclass(frozen=True)
class _Kind:
    """How one kind of receiver is written to: replacements, in their order, of patterns of Go's `regexp`."""

    name: str
    escape: tuple[tuple[str, str], ...] = ()
    link: tuple[tuple[str, str], ...] = ()
    """The same for an address that stands in a text."""

    def text(self, most: int) -> str:
        """The template of a value: one line of at most `most` characters that is nothing but text."""
        steps = _pipe(_ONE_LINE, _NO_TURNING, (rf"^(.{{{most}}}).+$", "${1}…"), *self.escape)
        return f'{{{{ define "obs.{self.name}.{most}" }}}}{{{{ .{steps} }}}}{{{{ end }}}}\n'


def _pipe(*steps: tuple[str, str]) -> str:
    return "".join(f" | reReplaceAll `{pattern}` `{new}`" for pattern, new in steps)


_ACTIVE = r"[\\\x60*_\[\]<>~|]"
KINDS = (
    _Kind("slack", (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")), (("&", "&amp;"),)),
    _Kind(
        "teams",
        ((rf"({_ACTIVE})", r"\${1}"), (r"^([-+#=])", r"\${1}"), (r"^(\d+)([.)])", r"${1}\${2}")),
        (("_", "%5F"), (r"\*", "%2A"), ("~", "%7E"), (r"\[", "%5B"), (r"\]", "%5D")),
    ),
    _Kind("pagerduty"),
)

_LINK = "^https?://[^\\\\\\x60<>|\\s]{1,500}$"

_COMMON = """\
{{ define "obs.link" -}}
{{ with (index .Alerts 0).Annotations.runbook -}}
{{ if match `LINK` . }}{{ . }}{{ end }}{{ end }}
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

_LENGTHS = (20, 60, 80, 90, 110, 250, 300, 600)
"""Of values, in characters. Together they keep Teams' message below its limit even where each character takes
eight bytes, as an escaped `<` does in JSON."""

_OF_A_KIND = """\

{{ define "obs.KIND.title" -}}
[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ .Alerts.Firing | len }}{{ end }}]
{{- " " }}{{ with .CommonLabels.alertname }}{{ template "obs.KIND.80" . }}{{ else }}SeveralAlerts{{ end }}
{{- " " }}({{ with .CommonLabels.severity }}{{ template "obs.KIND.20" . }}{{ else }}mixed{{ end }})
{{- with .CommonLabels.service }} {{ template "obs.KIND.60" . }}{{ end }}
{{- end }}

{{ define "obs.KIND.where" -}}
{{ with .CommonLabels.env }}{{ template "obs.KIND.60" . }}{{ else }}-{{ end }}
{{- " / " }}{{ with .CommonLabels.cluster }}{{ template "obs.KIND.60" . }}{{ else }}-{{ end }}
{{- " / " }}{{ with .CommonLabels.region }}{{ template "obs.KIND.60" . }}{{ else }}-{{ end }}
{{- end }}

{{ define "obs.KIND.full" -}}
{{ if eq .Status "resolved" }}Over: {{ end -}}
{{ template "obs.KIND.250" .Annotations.summary }}. {{ template "obs.KIND.600" .Annotations.description }}

{{ end }}

{{ define "obs.KIND.brief" -}}
{{ if eq .Status "resolved" }}Over: {{ end -}}
{{ template "obs.KIND.90" .Annotations.summary }}. {{ template "obs.KIND.110" .Annotations.description }}

{{ end }}

{{ define "obs.KIND.alerts" -}}
{{ $firing := .Alerts.Firing }}{{ $over := .Alerts.Resolved -}}
{{ if le (len .Alerts) FULL }}{{ range .Alerts }}{{ template "obs.KIND.full" . }}{{ end }}
{{- else -}}
{{ $some := $firing }}{{ if gt (len $firing) SHOWN }}{{ $some = slice $firing 0 SHOWN }}{{ end -}}
{{ range $some }}{{ template "obs.KIND.brief" . }}{{ end -}}
{{ if gt (len $firing) SHOWN }}and {{ len (slice $firing SHOWN) }} more that fire

{{ end -}}
{{ $some = $over }}{{ if gt (len $over) OVER }}{{ $some = slice $over 0 OVER }}{{ end -}}
{{ range $some }}{{ template "obs.KIND.brief" . }}{{ end -}}
{{ if gt (len $over) OVER }}and {{ len (slice $over OVER) }} more that are over

{{ end -}}
{{ end }}
{{- end }}

{{ define "obs.KIND.runbook" -}}
{{ with (index .Alerts 0).Annotations.runbook -}}
{{ if match `LINK` . }}{{ .ADDRESS }}
{{- else }}{{ template "obs.KIND.300" . }} (in the repository of this stack){{ end }}
{{- end }}
{{- end }}

{{ define "obs.KIND.text" -}}
{{ template "obs.KIND.alerts" . }}Where: {{ template "obs.KIND.where" . }}
{{ with .CommonLabels.team }}
Team: {{ template "obs.KIND.60" . }}
{{ end }}
Runbook: {{ template "obs.KIND.runbook" . }}
{{- end }}
"""

_DETAILS = """\

{{ define "obs.pagerduty.component" }}{{ template "obs.KIND.80" .CommonLabels.service }}{{ end }}
{{ define "obs.pagerduty.group" }}{{ template "obs.KIND.80" .CommonLabels.team }}{{ end }}
{{ define "obs.pagerduty.class" }}{{ template "obs.KIND.80" .CommonLabels.alertname }}{{ end }}

{{ define "obs.pagerduty.list" -}}
{{ $some := . }}{{ if gt (len .) LISTED }}{{ $some = slice . 0 LISTED }}{{ end -}}
{{ range $some }}{{ template "obs.KIND.90" .Annotations.summary }}
{{ end -}}
{{ if gt (len .) LISTED }}and {{ len (slice . LISTED) }} more
{{ end -}}
{{ end }}
"""


def _filled(text: str, kind: _Kind) -> str:
    for word, value in {
        "KIND": kind.name,
        "FULL": str(FULL),
        "SHOWN": str(SHOWN),
        "OVER": str(SHOWN_OVER),
        "LISTED": str(LISTED),
        "LINK": _LINK,
        "ADDRESS": _pipe(*kind.link),
    }.items():
        text = text.replace(word, value)
    return text


TEMPLATE = (
    '{{/* Titles read "[FIRING:2] AlertName (severity) service". Each message carries the runbook:\n'
    "     a link if it is a URL, else its path. Values of labels and annotations are cut, and escaped. */}}\n"
    + _filled(_COMMON, KINDS[-1])
    + "".join(
        "\n" + "".join(kind.text(most) for most in _LENGTHS) + _filled(_OF_A_KIND, kind) for kind in KINDS
    )
    + _filled(_DETAILS, KINDS[-1])
)
