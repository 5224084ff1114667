"""The exercises of a handout: those of the training "Observability Implementation & Tools" that a head on one
machine can do, with the head's own addresses in them. Pure text, in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Exercise:
    """One exercise. `{name}` in its text stands for an address or a name of the head; `needs` are the
    services and programs without which there is nothing to do."""

    title: str
    section: str
    """Of the training."""
    needs: tuple[str, ...]
    text: str


EXERCISES = (
    Exercise(
        "One request, three pillars",
        "5. Practical integration patterns",
        ("gateway", "pages", "opensearch", "jaeger", "prometheus"),
        """\
In the folder with your `credentials.txt`, check out a cart. The header keeps the trace from being sampled
away.

```
curl -sK own.curl {gateway}/checkout -H 'X-Obs-Probe: 1' \\
  -H 'Content-Type: application/json' \\
  -d '{{"items": [{{"sku": "mug", "quantity": 1}}]}}'
```

The answer has a `trace_id`. Follow it:

1. **Trace:** open `{pages}/traces/<trace_id>`, or ask Jaeger:
   `curl -K own.curl {jaeger}/api/traces/<trace_id>`. Which service takes the longest?
2. **Logs:** all services' lines carry it:

   ```
   pass=$(sed -n 's/^password: //p' credentials.txt)
   curl -sG '{opensearch}/{logs}-*/_search' \\
     --cacert ca.pem -u {reader}:$pass \\
     -d q=trace_id:<trace_id>
   ```

3. **Metric:** the counter's exemplar names the trace:

   ```
   curl -sGK own.curl {prometheus}/api/v1/query_exemplars \\
     -d start=$(date -d -5min +%s) -d end=$(date +%s) \\
     -d query=http_request_duration_seconds_bucket
   ```

What would each of the three have told you without the other two?""",
    ),
    Exercise(
        "Ask the metrics",
        "2. Implementing metrics collection",
        ("prometheus", "pages"),
        """\
Open `{pages}/explore` (or `curl -K own.curl {prometheus}/api/v1/query?query=...`) and find out:

- requests per second of each service: `sum by (service) (rate(http_requests_total[1m]))`
- the share of errors: `sum by (service) (rate(http_requests_total{{code=~"5.."}}[1m])) / sum by (service)
  (rate(http_requests_total[1m]))`
- the 95th percentile: `histogram_quantile(0.95, sum by (le, service)
  (rate(http_request_duration_seconds_bucket[1m])))`

Why is the percentile of a histogram an estimate, and of what is its error made?""",
    ),
    Exercise(
        "Something is broken",
        "6. Troubleshooting scenarios",
        ("payments", "pages", "alertmanager", "sink"),
        """\
Let half of the payments fail for two minutes:

```
curl -sK own.curl -X PUT {payments}/faults/errors \\
  -d '{{"seconds": 120, "ratio": 0.5}}'
```

Which alert fires, after how long, and who is told? Look at `{pages}/alerts`, at Alertmanager
(`curl -K own.curl {alertmanager}/api/v2/alerts`) and at what the receivers got (`{sink}/`). The message
names a runbook: follow it.

Then let a neighbour sit down at your keyboard, since only your certificate is taken, and start `latency`
or `slow-dependency` on one of your services without telling you which. Find it by the signals alone.
`DELETE` in place of `PUT` ends a fault.""",
    ),
    Exercise(
        "Too many labels, too many lines",
        "6. Real-world challenges",
        ("payments", "prometheus"),
        """\
A user id becomes a label, and the service begins to talk:

```
curl -sK own.curl -X PUT \\
  {payments}/faults/label-explosion \\
  -d '{{"seconds": 120, "count": 1000}}'
curl -sK own.curl -X PUT \\
  {payments}/faults/log-flood \\
  -d '{{"seconds": 120, "rate": 200}}'
```

What becomes of the label (`count(shop_cart_items)`), and which alert says so? How many of the lines are
stored, of which level, and where is that decided? (`logging.sampling` in your stack file.)""",
    ),
    Exercise(
        "Observability as code",
        "5. Observability as code",
        ("prometheus",),
        """\
Your stack is the file `stacks/Pulumi.{stack}.yaml`. Under `metrics.rules` add `error_ratio: 0.02`, then:

```
eval "$(.venv/bin/obs env {stack})"
# what would change, line by line
obs preview {stack}
# Prometheus reloads; nothing else is touched
obs up {stack}
# a request is followed through all three pillars
obs verify {stack}
```

Write a mistake (`error_ratio: much`) and see what `obs preview` says of it. Then change
`tracing.tail_sampling.keep_ratio` to 1.0: what does that cost, and where would you see it?""",
    ),
)

DIAGRAMS = (
    ("Metrics", ("services and exporters", "Prometheus", "Alertmanager", "receivers")),
    ("Logs", ("JSON lines in files", "collector", "OpenSearch")),
    ("Traces", ("services with the SDK", "collector (tail sampling)", "Jaeger", "OpenSearch")),
)
"""What flows where, each from left to right."""

NOT_HERE = (
    "Grafana, Kibana and OpenSearch Dashboards: this stack has pages of its own; logs have their API",
    "Fluentd, Fluent Bit, Logstash: the OpenTelemetry Collector reads the files",
    "the exercises for Kubernetes, AWS and several servers",
)
"""What of the training this target cannot do."""


def able(names: Mapping[str, str], exercises: Sequence[Exercise] = EXERCISES) -> list[Exercise]:
    """The exercises for which a head has what is needed, by the names of its addresses."""
    return [exercise for exercise in exercises if all(need in names for need in exercise.needs)]
