"""Grafana as a task (`aws.grafana`): the dashboards of every target, behind the load balancer.

It may read samples, and nothing else of AWS; in the domain it is the user who reads. It keeps nothing: a task
that goes takes nothing with it, and its next stands beside it until that one serves.
"""

from aws.names import Names
from aws.parts import Store, Workspace, late
from aws.policies import allow
from aws.site import GRAFANA, site_of
from aws.tasks import CONF, Work
from components.plan import Pillar
from components.render import grafana_own
from components.render.grafana import Signed
from components.spec import Spec

HOME, PLUGINS = "/usr/share/grafana", "/var/lib/grafana/plugins"
"""Where its images have what it serves, and plugins."""
READS = ("aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries", "aps:QueryMetrics")
"""What somebody who asks a workspace needs, by AWS's own table."""


def grafana_work(
    spec: Spec, names: Names, metrics: object, store: Store, needs: tuple[str, ...]
) -> Work | None:
    """None where the stack has none. Its samples are in the workspace, or in the first of a pair."""
    if not spec.aws.grafana:
        return None
    site, managed = site_of(spec), isinstance(metrics, Workspace)
    signed = Signed(late("workspace-url"), names.region) if managed else None
    port = site.port(GRAFANA)
    return Work(
        name=grafana_own.NAME,
        pillar=Pillar.METRICS,
        image=spec.aws.images.grafana or "",
        command=grafana_own.command(HOME),
        documents=grafana_own.render(spec, site, CONF, signed),
        memory_mb=grafana_own.MEMORY_MB,
        secrets=grafana_own.SECRETS,
        environment=grafana_own.settings(site, port, CONF, PLUGINS, signed=managed),
        may=(allow(READS, (late("workspace-arn"),)),) if managed else (),
        needs=(*needs, store.id),
        serves=True,
    )
