"""The Prometheus Operator with a Prometheus and an Alertmanager of its making.

The chart's own rules, dashboards and exporters are left out: rules are ours (`PrometheusRule`), each with
the data under which it fires; the exporters and Grafana are releases of their own, upgraded one by one.
What the cluster alone has (kubelets, API server, DNS) is scraped by the chart's monitors.
"""

from components.render import alertmanager, prometheus
from components.site import Site
from components.spec import Spec
from components.spec.base import size_bytes
from k8s import names, tls
from k8s.charts import common, mounts
from k8s.charts.common import Values
from k8s.site import TEMPLATES

_NOT_HERE = (
    "kubeControllerManager",
    "kubeDns",
    "kubeEtcd",
    "kubeProxy",
    "kubeScheduler",
    "kubeStateMetrics",
    "nodeExporter",
    "grafana",
)
"""Exporters and Grafana are releases of their own. The rest listens on loopback of a control plane, or is the
provider's of the cluster: its targets would be down for ever. The definitions came before."""
_NAME_LENGTH = 26


def values(spec: Spec, site: Site) -> Values:
    """The operator, and what it is to make."""
    prefix = common.named(site, "prometheus").removesuffix("-prometheus")
    if f"{prefix}-prometheus" != common.named(site, "prometheus") or len(prefix) > _NAME_LENGTH:
        raise ValueError("the chart calls the Service of Prometheus <at most 26 characters>-prometheus")
    return {
        "fullnameOverride": prefix,
        "crds": {"enabled": False},
        "defaultRules": {"create": False},
        "global": {"imagePullSecrets": common.pull_secrets(spec)},
        **{name: {"enabled": False} for name in _NOT_HERE},
        "kubeApiServer": {"serviceMonitor": {"relabelings": _owner(spec)}},
        "kubelet": {
            "serviceMonitor": {
                key: [*_owner(spec), *_PATH]
                for key in ("relabelings", "cAdvisorRelabelings", "probesRelabelings")
            }
        },
        "coreDns": {"serviceMonitor": {"relabelings": _owner(spec)}},
        "prometheusOperator": _operator(spec),
        "prometheus": _prometheus(spec, site),
        "alertmanager": _alertmanager(spec, site),
    }


_PATH: list[Values] = [
    {"action": "replace", "sourceLabels": ["__metrics_path__"], "targetLabel": "metrics_path"}
]
"""The chart's own, which a list of ours would replace: it tells a kubelet's pages apart."""


def _owner(spec: Spec) -> list[Values]:
    """Whom alerts on such a target go to."""
    return [_set("owner", spec.alerting.platform_team)]


def _set(name: str, value: str) -> Values:
    """A label of a target. `$` would name a group of the regular expression."""
    return {"targetLabel": name, "replacement": value.replace("$", "$$")}


def _operator(spec: Spec) -> Values:
    """It looks after this namespace: a cluster may have other stacks, and other operators. One that looks
    after all namespaces would fight with a second over the same objects."""
    if spec.kubernetes.operator == "existing":
        return {"enabled": False}
    only = [spec.kubernetes.namespace]
    return {
        "prometheusInstanceNamespaces": only,
        "alertmanagerInstanceNamespaces": only,
        "alertmanagerConfigNamespaces": only,
        "thanosRulerInstanceNamespaces": only,
        "podLabels": names.part_of(spec),
        "resources": common.resources(spec, "operator"),
        "prometheusConfigReloader": {"resources": common.resources(spec, "config-reloader")},
        "admissionWebhooks": {"patch": {"resources": common.resources(spec, "probe")}},
        "serviceMonitor": {"relabelings": _owner(spec)},
    }


def selected(spec: Spec) -> Values:
    """Which rules and monitors Prometheus takes: the stack's, and those of its charts, of its own
    namespace."""
    ours = [*names.part_of(spec).values(), "kube-prometheus-stack", "kube-state-metrics"]
    (label,) = names.part_of(spec)
    return {"matchExpressions": [{"key": label, "operator": "In", "values": ours}]}


def _selectors(spec: Spec) -> Values:
    """Nothing is taken or left out for the label `release`, which the chart goes by unless told."""
    here = {"matchLabels": {"kubernetes.io/metadata.name": spec.kubernetes.namespace}}
    found: Values = {}
    for kind in ("rule", "serviceMonitor", "podMonitor", "probe", "scrapeConfig"):
        found |= {
            f"{kind}Selector": selected(spec),
            f"{kind}SelectorNilUsesHelmValues": False,
            f"{kind}NamespaceSelector": here,
        }
    return found


def _prometheus(spec: Spec, site: Site) -> Values:
    """What stands in `prometheus.yml` on a host, in the operator's words."""
    main = prometheus.main(spec, site)
    world, tsdb = main["global"], main["storage"]["tsdb"]
    replicas = 2 if spec.kubernetes.ha else 1
    return {
        # Its page is a scrape job of the stack, as on a host.
        "serviceMonitor": {"selfMonitor": False},
        "podDisruptionBudget": {"enabled": spec.kubernetes.ha},
        "service": {"port": site.port("prometheus"), "targetPort": site.port("prometheus")},
        "prometheusSpec": {
            "image": _image("prometheus/prometheus", "prometheus"),
            # The chart's own says http, and a name that is in no certificate.
            "externalUrl": site.url("prometheus"),
            "replicas": replicas,
            **_replica(replicas),
            "prometheusExternalLabelNameClear": True,
            "externalLabels": world["external_labels"],
            "scrapeInterval": world["scrape_interval"],
            "scrapeTimeout": world["scrape_timeout"],
            "evaluationInterval": world["evaluation_interval"],
            "nameEscapingScheme": "Underscores",
            "retention": tsdb["retention"]["time"],
            "retentionSize": tsdb["retention"]["size"],
            **_exemplars(spec),
            **_selectors(spec),
            "scrapeClasses": [_scrape_class(spec)],
            **(tls.served(spec, "prometheus") if site.tls("prometheus") else {}),
            **(_told(spec, site) if site.tls("alertmanager") else {}),
            "logFormat": "json",
            "podMetadata": {"labels": names.part_of(spec)},
            "resources": common.resources(spec, "prometheus"),
            "securityContext": common.pod_security(1000, runAsGroup=2000, fsGroup=2000),
            "topologySpreadConstraints": common.spread({"app.kubernetes.io/name": "prometheus"}),
            "storageSpec": _storage(spec, _room(spec)),
            "persistentVolumeClaimRetentionPolicy": _RETAIN,
        },
    }


def _told(spec: Spec, site: Site) -> Values:
    """Whom alerts go to, in place of what the chart would write. The port is called as the operator calls
    it."""
    one = {
        "namespace": spec.kubernetes.namespace,
        "name": common.named(site, "alertmanager"),
        "port": "http-web",
        "apiVersion": "v2",
        **tls.dialled(spec, "alertmanager"),
    }
    return {"alertingEndpoints": [one]}


_RETAIN = {"whenDeleted": "Retain", "whenScaled": "Retain"}


def _replica(replicas: int) -> Values:
    """The label that tells replicas apart, as on hosts; one alone has none."""
    if replicas == 1:
        return {"replicaExternalLabelNameClear": True}
    return {"replicaExternalLabelName": prometheus.REPLICA}


def _exemplars(spec: Spec) -> Values:
    if not spec.metrics.exemplars:
        return {}
    return {"enableFeatures": ["exemplar-storage"], "exemplars": {"maxSize": spec.metrics.exemplars}}


def _scrape_class(spec: Spec) -> Values:
    """What each target has, whoever named it: the environment's labels, and no forbidden one."""
    return {
        "name": "stack",
        "default": True,
        "relabelings": [_set(name, value) for name, value in sorted(spec.environment.labels.items())],
        "metricRelabelings": [
            {"sourceLabels": [label], "regex": ".+", "action": "drop"}
            for label in sorted(spec.metrics.forbidden_labels)
        ],
    }


def _room(spec: Spec) -> str:
    """The volume has room for what is kept and a fifth more: the head and the log before it are not
    counted."""
    kept = size_bytes(spec.metrics.retention.size) * 6 // 5
    return max(spec.kubernetes.volumes.metrics, f"{-(-kept // 2**30)}GiB", key=size_bytes)


def _storage(spec: Spec, amount: str) -> Values:
    return {"volumeClaimTemplate": {"spec": common.claim(spec, amount)}}


def _alertmanager(spec: Spec, site: Site) -> Values:
    """Its configuration is a Secret of the plan, and names files with secrets, which are mounted."""
    running = alertmanager.running(spec, site)
    files = mounts.receivers(spec, site, running.secrets)
    templates = mounts.Mount(
        {"name": "templates", "configMap": {"name": names.ALERTMANAGER_TEMPLATES}}, TEMPLATES
    )
    return {
        "serviceMonitor": {"selfMonitor": False},
        "podDisruptionBudget": {"enabled": spec.kubernetes.ha},
        "service": {"port": site.port("alertmanager"), "targetPort": site.port("alertmanager")},
        "serviceAccount": {"automountServiceAccountToken": False},
        "alertmanagerSpec": {
            "image": _image("prometheus/alertmanager", "alertmanager"),
            "externalUrl": site.url("alertmanager"),
            # Three, so that a split of the network has a larger part.
            "replicas": 3 if spec.kubernetes.ha else 1,
            "useExistingSecret": True,
            "configSecret": names.ALERTMANAGER,
            # What others put into the cluster is no route of this stack.
            "alertmanagerConfigSelector": {"matchLabels": names.part_of(spec)},
            "alertmanagerConfigMatcherStrategy": {"type": "None"},
            **(_alertmanager_tls(spec) if site.tls("alertmanager") else {}),
            "automountServiceAccountToken": False,
            "logFormat": "json",
            "podMetadata": {"labels": names.part_of(spec)},
            "resources": common.resources(spec, "alertmanager"),
            "securityContext": common.pod_security(1000, runAsGroup=2000, fsGroup=2000),
            "topologySpreadConstraints": common.spread({"app.kubernetes.io/name": "alertmanager"}),
            "storage": _storage(spec, "1GiB"),
            "persistentVolumeClaimRetentionPolicy": _RETAIN,
            "volumes": mounts.volumes([*files, templates]),
            "volumeMounts": mounts.mounted([*files, templates]),
        },
    }


def _alertmanager_tls(spec: Spec) -> Values:
    several = tls.among_themselves(spec, "alertmanager") if spec.kubernetes.ha else {}
    return {**tls.served(spec, "alertmanager"), **several}


def _image(repository: str, engine: str) -> Values:
    return common.published(repository, engine, "v")
