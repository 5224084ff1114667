"""What objects are called, for whoever makes them and whoever refers to them."""

from components.spec import Spec

SECRETS = "obs-secrets"
"""The Secret with every secret of the stack, a key each, by its name."""
CERTIFICATES = "obs-tls"
"""The Secret with the stack's authority and certificates: `ca.pem`, `<name>.pem`, `<name>.key`."""
AUTHORITY = "ca.pem"
ALERTMANAGER = "obs-alertmanager-config"
"""The Secret with `alertmanager.yaml`, which holds no secret itself: it names files."""
ALERTMANAGER_TEMPLATES = "obs-alertmanager-templates"
"""The ConfigMap with `obs.tmpl`, the texts of Alertmanager's messages."""


PART_OF = "app.kubernetes.io/part-of"
"""The label with the stack that an object is of."""


def secret(spec: Spec, name: str) -> tuple[str, str]:
    """The Secret that holds a secret of the stack, and its key there: ours, or one that the stack file
    names."""
    for one in spec.secrets:
        if one.name == name and one.source == "kubernetes":
            theirs, _, key = one.key.partition("/")
            return theirs, key
    return SECRETS, name


def issued(certificate: str) -> str:
    """The object of cert-manager by which it makes a certificate, and the Secret into which it writes it."""
    return f"{CERTIFICATES}-{certificate}"


def certificate(spec: Spec, file: str) -> tuple[str, str]:
    """The Secret that holds a file of a certificate, or of the authority, and its key there: ours, or one
    that cert-manager writes."""
    if spec.kubernetes.certificates.issuer is None:
        return CERTIFICATES, file
    if file == AUTHORITY:  # beside each certificate, so beside that of the store, which every stack has
        return issued("opensearch"), "ca.crt"
    name, _, kind = file.rpartition(".")
    return issued(name), {"pem": "tls.crt", "key": "tls.key"}[kind]


def conf(program: str) -> str:
    """The ConfigMap with a program's documents, a key each; a folder's `/` is `__` there."""
    return f"{program}-conf"


def key(path: str) -> str:
    """The key of a document in its ConfigMap."""
    return path.replace("/", "__")


def part_of(spec: Spec) -> dict[str, str]:
    """The label of every object of the stack, by which the operator selects rules and monitors."""
    return {PART_OF: f"observability-{spec.environment.name}"}


def labels(spec: Spec, program: str) -> dict[str, str]:
    """The labels of a program's objects."""
    return {"app.kubernetes.io/name": program, **part_of(spec)}


PODS = {
    "prometheus": {"app.kubernetes.io/name": "prometheus"},
    "alertmanager": {"app.kubernetes.io/name": "alertmanager"},
}
"""Program -> the labels of its pods, where an operator makes them."""


def pods(spec: Spec, program: str, *, own: bool) -> dict[str, str]:
    """The labels by which a program's pods are found. A release that runs a program is called like it, and
    every chart gives its pods the release's name."""
    if own:
        return labels(spec, program)
    return PODS.get(program, {"app.kubernetes.io/instance": program})
