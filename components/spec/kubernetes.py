"""The cluster that a stack goes to: how it is reached, what it holds, and how images are called there."""

from typing import Annotated, Literal, Self

from pydantic import StringConstraints, ValidationInfo, field_validator, model_validator

from components.spec.base import Like, Model, Name, Size

KubeconfigPath = Annotated[
    str,
    Like(r"^(~/|/)[ -~]{1,250}$", "an absolute path, or one in your home, as in '~/.kube/config'"),
]
ContextName = Annotated[
    str,
    Like(
        r"^[!-~]{1,253}$", "the name of a context of the kubeconfig, as `kubectl config get-contexts` has it"
    ),
]
ObjectName = Annotated[
    str,
    Like(
        r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
        "the name of a Kubernetes object: lower-case letters, digits, hyphens and dots",
    ),
]
DomainName = Annotated[
    str,
    Like(
        r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$",
        "a domain name in lower case, as in 'obs.example.com'",
    ),
]
Image = Annotated[
    str,
    Like(
        r"^[a-z0-9][a-z0-9._:/-]*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64})$",
        "an image with its tag or, better, its digest, as in 'registry.example/obs/programs@sha256:...'",
    ),
    StringConstraints(max_length=400),
]
Registry = Annotated[
    str,
    Like(
        r"^[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]*)*$",
        "a registry, and where in it, as in 'registry.example:5000/obs'",
    ),
    StringConstraints(max_length=200),
]
Mirror = Annotated[
    str,
    Like(
        r"^oci://[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]*)*$",
        "an OCI registry with the charts, as in 'oci://registry.example/charts'",
    ),
    StringConstraints(max_length=200),
]
PodLabelKey = Annotated[
    str,
    Like(
        r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
        "the key of a label of Kubernetes, as in 'app' or 'app.kubernetes.io/name'",
    ),
]
PodLabelValue = Annotated[
    str,
    Like(
        r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
        "the value of a label of Kubernetes: letters, digits, '.', '_' and '-', at most 63",
    ),
]
Selector = dict[PodLabelKey, PodLabelValue]
"""Labels that pods have."""


class Images(Model):
    """What the images of ours are called: the programs and the collector, which nobody publishes."""

    registry: Registry | None = None
    """Where they are: `<registry>/observability-programs` and `-collector`, tagged with their versions."""
    programs: Image | None = None
    """The image with `agents` and `demo`, instead of that."""
    collector: Image | None = None
    """The image with our collector, instead of that."""
    redis: Image = "docker.io/library/redis:6.2.14"
    """For services of the stack with `run.redis`."""
    pull_secret: ObjectName | None = None
    """A Secret of the namespace with the login of the registry."""


class Ingress(Model):
    """Under which name the stack's pages are reached from outside the cluster."""

    host: DomainName | None = None
    """Without, there is no Ingress: `kubectl port-forward` leads to the pages."""
    class_name: ObjectName | None = None
    """The cluster's default if absent."""
    tls_secret: ObjectName | None = None
    """A Secret of the namespace with the certificate of that name."""


class Volumes(Model):
    """How much room there is for what is kept."""

    metrics: Size = "10GiB"
    logs: Size = "20GiB"
    """Of each data node of OpenSearch, which has the traces too."""
    queue: Size = "2GiB"
    """Of each gateway, for what the stores do not take at once."""


class Probed(Model):
    """A page that is asked from inside the cluster, at each scrape."""

    name: Name
    url: Annotated[
        str,
        Like(
            r"^(https?://[!-~]+|tcp://[a-z0-9.-]+:[0-9]{1,5})$",
            "a URL, as in 'https://shop.example.com/health', or 'tcp://host:port'",
        ),
    ]
    owner: Name | None = None
    """The team whose page it is; the platform's if absent."""


class Certificates(Model):
    """Who signs the stack's certificates."""

    issuer: ObjectName | None = None
    """An issuer of cert-manager; the stack's own authority if absent."""
    kind: Literal["Issuer", "ClusterIssuer"] = "Issuer"
    """One of the stack's namespace, or one of the whole cluster, whose authority is everybody's."""


_NO_FLUENTD = (
    "expected 'collector' or 'fluent-bit', which reads the same files: for Fluentd the rules of records and "
    "redaction would have to be written a third time, in Ruby"
)
_NO_OPERATOR = (
    "expected 'own' or 'existing': without an operator, as with the plain `prometheus` chart, nobody would "
    "read the monitors, probes and rules that a stack is made of"
)
_NOT_THERE = {"shipper": ("fluentd", _NO_FLUENTD), "operator": ("none", _NO_OPERATOR)}
"""Setting -> what people ask for that is not there, and why."""


class Kubernetes(Model):
    """One namespace of a cluster, and how it is reached."""

    kubeconfig: KubeconfigPath | None = None
    """The file of `kubectl` if absent."""
    context: ContextName | None = None
    """Which cluster and user of that file. Never the current one unasked: that is what was used last."""
    namespace: Name = "observability"
    storage_class: ObjectName | None = None
    """The cluster's default if absent."""
    volumes: Volumes = Volumes()
    size: Literal["small", "medium", "large"] | None = None
    """Requests and limits; by the tier if absent: small for dev and test, medium for staging, else large."""
    ha: bool = False
    """Whether what can be there several times is, on different nodes."""
    shipper: Literal["collector", "fluent-bit"] = "collector"
    """What reads the logs of pods, on each node."""
    operator: Literal["own", "existing"] = "own"
    """Whose Prometheus Operator makes Prometheus and Alertmanager: the stack's, or one that the cluster has
    already, with its definitions."""
    certificates: Certificates = Certificates()
    monitoring_tls: bool = True
    """Whether Prometheus and Alertmanager are asked over TLS, with certificates of the stack's authority."""
    grafana: bool = False
    """Whether Grafana shows the stack's dashboards there."""
    opensearch_dashboards: bool = False
    """Whether OpenSearch Dashboards shows logs and spans there, to whoever logs in as `viewer`."""
    instrumentation: bool = False
    """Whether pods that ask for it by an annotation are given OpenTelemetry's library for Python, Java or
    Node."""
    probes: tuple[Probed, ...] = ()
    """Pages that are asked whether they answer: series `probe_success{job="probe-<name>"}`."""
    charts_dir: KubeconfigPath | None = None
    """A folder of charts (`<name>/Chart.yaml`, or `<name>-<version>.tgz`), for clusters without internet."""
    charts_mirror: Mirror | None = None
    """Where the charts are, instead of their publishers' repositories."""
    images: Images = Images()
    ingress: Ingress = Ingress()

    @field_validator(*_NOT_THERE, mode="before")
    @classmethod
    def _there(cls, value: object, info: ValidationInfo) -> object:
        """Reasons, where a list of what else there is would leave people wondering."""
        asked, why = _NOT_THERE[str(info.field_name)]
        if value == asked:
            raise ValueError(why)
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.charts_dir and self.charts_mirror:
            raise ValueError("expected `charts_dir` or `charts_mirror`, not both")
        return self


__all__ = ["Certificates", "Images", "Ingress", "Kubernetes", "Probed", "Selector", "Volumes"]
