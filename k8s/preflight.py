"""What a cluster lacks for a plan, asked before anything is changed: one call each, all at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from components.spec.problem import KeyPath
from components.target import Obstacle
from k8s.cluster import Api, Refused, Unreachable
from k8s.parts import KubernetesPlan, Manifest, Release
from k8s.pending import pending
from k8s.running import OPERATOR, RELEASE, Json

OLDEST = (1, 25)
"""Of Kubernetes, as the charts ask for."""
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
DEFAULT_INGRESS = "ingressclass.kubernetes.io/is-default-class"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
NODES_HA = 3
ISSUED = "Certificate"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
NEEDED = (
    ("create", "apiextensions.k8s.io", "customresourcedefinitions", False),
    ("create", "rbac.authorization.k8s.io", "clusterroles", False),
    ("create", "apps", "deployments", True),
    ("create", "", "secrets", True),
)
"""What a deployer has to be allowed, as (verb, group, resource, whether in the namespace)."""


def preflight(plan: KubernetesPlan) -> list[Obstacle]:
    """Everything found. A cluster that cannot be asked is the only thing said then."""
    try:
        api = Api(plan.cluster)
        version = api.get("/version")
    except (Unreachable, Refused) as error:
        expected = f"a cluster that can be asked; {error}"
        return [_obstacle(("kubernetes", "context"), plan.cluster.context, expected, "")]
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        found = list(pool.map(lambda check: _asked(check, api, plan), CHECKS))
    return [*_version(version), *(obstacle for each in found for obstacle in each)]


Check = Callable[[Api, KubernetesPlan], Iterable[Obstacle]]


def _asked(check: Check, api: Api, plan: KubernetesPlan) -> list[Obstacle]:
    """A question that the context's user may not ask stands in nobody's way: what is lacking shows itself."""
    try:
        return list(check(api, plan))
    except (Unreachable, Refused) as error:
        what = (check.__doc__ or "").rstrip(".")
        return [
            _obstacle(
                ("kubernetes", "context"),
                plan.cluster.context,
                f"could not ask: {what}",
                str(error),
                fatal=False,
            )
        ]


def _obstacle(path: KeyPath, value: str, expected: str, do: str, *, fatal: bool = True) -> Obstacle:
    return Obstacle(path, value, expected, do, fatal)


def _version(version: Json) -> Iterable[Obstacle]:
    digits = ["".join(filter(str.isdigit, str(version.get(key, "")))) for key in ("major", "minor")]
    if not all(digits):  # a distribution of its own
        return
    found = (int(digits[0]), int(digits[1]))
    if found < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        yield _obstacle(
            ("kubernetes", "context"),
            ".".join(digits),
            f"expected Kubernetes {oldest} or newer, which the charts need",
            "Upgrade the cluster, or name another context",
        )


def _namespace(api: Api, plan: KubernetesPlan) -> Iterable[Obstacle]:
    """The namespace is there, or can be made."""
    name = plan.cluster.namespace
    found = api.find(f"/api/v1/namespaces/{name}")
    if found and found["status"].get("phase") == "Terminating":
        yield _obstacle(
            ("kubernetes", "namespace"),
            name,
            "it is being deleted, so nothing can be put into it",
            f"Wait, or see what holds it: kubectl get ns {name} -o yaml",
        )
    if found is None and not _may(api, "create", "", "namespaces", None):
        yield _obstacle(
            ("kubernetes", "namespace"),
            name,
            "it is not there, and the context's user may not make it",
            f"Have it made: kubectl create namespace {name}",
        )


def _rights(api: Api, plan: KubernetesPlan) -> Iterable[Obstacle]:
    """What the context's user may do."""
    name = plan.cluster.namespace
    lacking = [
        f"{verb} {resource}{f' in {name}' if inside else ''}"
        for verb, group, resource, inside in NEEDED
        if not _may(api, verb, group, resource, name if inside else None)
    ]
    if lacking:
        yield _obstacle(
            ("kubernetes", "context"),
            plan.cluster.context,
            f"its user may not {', '.join(lacking)}",
            "Name a context whose user may, or ask for a ClusterRole that allows it",
        )


def _may(api: Api, verb: str, group: str, resource: str, namespace: str | None) -> bool:
    attributes = {"verb": verb, "group": group, "resource": resource}
    if namespace:
        attributes["namespace"] = namespace
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(api.post(REVIEW, body)["status"].get("allowed"))


def _storage(api: Api, plan: KubernetesPlan) -> Iterable[Obstacle]:
    """The storage class."""
    items = api.get("/apis/storage.k8s.io/v1/storageclasses")["items"]
    names = [item["metadata"]["name"] for item in items]
    offered = f"this cluster has {', '.join(sorted(names)) or 'none'}"
    wanted = plan.cluster.storage_class
    if wanted and wanted not in names:
        yield _obstacle(
            ("kubernetes", "storage_class"),
            wanted,
            f"not there: {offered}",
            "Name one of these, or make it",
        )
    if (
        not wanted
        and not any(_annotated(item, DEFAULT_CLASS) for item in items)
        and not _ready_made(api, plan.cluster.namespace)
    ):
        yield _obstacle(
            ("kubernetes", "storage_class"),
            "not named",
            f"the cluster has no default, and no volume that is free, so pods would wait for ever; {offered}",
            "Name one, or make volumes",
        )


def _ready_made(api: Api, namespace: str) -> bool:
    """Whether somebody makes volumes by hand, which need no class: one is free, or holds the stack's data."""
    return any(
        item["status"].get("phase") == "Available"
        or item["spec"].get("claimRef", {}).get("namespace") == namespace
        for item in api.get("/api/v1/persistentvolumes")["items"]
        if not item["spec"].get("storageClassName")
    )


def _annotated(item: Json, key: str) -> bool:
    return bool(item["metadata"].get("annotations", {}).get(key) == "true")


def _ingress(api: Api, plan: KubernetesPlan) -> Iterable[Obstacle]:
    """The ingress class and the certificate of the pages."""
    for part in plan.parts:
        if not (isinstance(part, Manifest) and part.kind == "Ingress"):
            continue
        items = api.get("/apis/networking.k8s.io/v1/ingressclasses")["items"]
        names = [item["metadata"]["name"] for item in items]
        wanted = part.body["spec"].get("ingressClassName")
        missing = wanted not in names if wanted else not any(_annotated(it, DEFAULT_INGRESS) for it in items)
        if missing:
            yield _obstacle(
                ("kubernetes", "ingress", "class_name"),
                wanted or "not named",
                f"{'not there' if wanted else 'the cluster has no default'}: it has "
                f"{', '.join(sorted(names)) or 'none'}, so nothing would serve the pages",
                "Name one of these, or take `ingress` out and use kubectl port-forward",
                fatal=False,
            )
        for tls in part.body["spec"].get("tls", ()):
            yield from _secret(api, plan, ("kubernetes", "ingress", "tls_secret"), tls["secretName"])


def _pull_secret(api: Api, plan: KubernetesPlan) -> Iterable[Obstacle]:
    """The login of the images' registry."""
    if plan.cluster.pull_secret:
        path = ("kubernetes", "images", "pull_secret")
        yield from _secret(api, plan, path, plan.cluster.pull_secret)


def _secret(api: Api, plan: KubernetesPlan, path: KeyPath, name: str) -> Iterable[Obstacle]:
    namespace = plan.cluster.namespace
    if api.find(f"/api/v1/namespaces/{namespace}/secrets/{name}") is None:
        yield _obstacle(
            path,
            name,
            f"namespace {namespace} has no such Secret",
            f"Make it: kubectl -n {namespace} create secret ...",
            fatal=False,
        )


def _given_secrets(api: Api, plan: KubernetesPlan) -> Iterable[Obstacle]:
    """Secrets that the stack file names: a pod that reads one of them waits for it."""
    for name in plan.cluster.secrets:
        yield from _secret(api, plan, ("secrets",), name)


def _definitions(api: Api, plan: KubernetesPlan) -> Iterable[Obstacle]:
    """Definitions of the Prometheus Operator that another release brought."""
    ours = {(part.place, part.name) for part in plan.parts if isinstance(part, Release) and part.crds}
    needed = any(_of_operator(part) for part in plan.parts if isinstance(part, Manifest))
    if not ours and not needed:
        return
    items = api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")["items"]
    if not ours:
        if not any(item["spec"]["group"] == OPERATOR.rstrip("/") for item in items):
            yield _obstacle(
                ("kubernetes", "operator"),
                "existing",
                "the cluster has no Prometheus Operator: its definitions are not there",
                "Take the setting out: then the stack brings its own",
            )
        return
    others: set[str] = set()
    for item in items:
        if item["spec"]["group"] != OPERATOR.rstrip("/"):
            continue
        notes = item["metadata"].get("annotations", {})
        owner = (notes.get(RELEASE_NAMESPACE, ""), notes.get(RELEASE, ""))
        if owner not in ours:
            others.add("/".join(owner).strip("/") or "somebody without Helm")
    if others:
        yield _obstacle(
            ("kubernetes", "context"),
            plan.cluster.context,
            f"the definitions of the Prometheus Operator there are of {', '.join(sorted(others))}: Helm "
            "refuses what another release owns",
            "Set kubernetes.operator: existing, to have that operator make this stack's Prometheus too",
        )


def _issuer(api: Api, plan: KubernetesPlan) -> Iterable[Obstacle]:
    """The issuer of cert-manager that signs the stack's certificates."""
    wanted = next((part for part in plan.parts if isinstance(part, Manifest) and part.kind == ISSUED), None)
    if wanted is None:
        return
    group = f"/apis/{wanted.api_version}"
    path: KeyPath = ("kubernetes", "certificates", "issuer")
    named = wanted.body["spec"]["issuerRef"]
    if api.find(group) is None:
        lacks = "the cluster has no cert-manager: its definitions are not there"
        yield _obstacle(path, named["name"], lacks, "Install it, or take `kubernetes.certificates` out")
        return
    inside = f"namespaces/{plan.cluster.namespace}/issuers" if named["kind"] == "Issuer" else "clusterissuers"
    found = api.find(f"{group}/{inside}/{named['name']}")
    what = f"kubectl -n {plan.cluster.namespace} get {named['kind'].lower()}"
    if found is None:
        yield _obstacle(path, named["name"], f"there is no such {named['kind']}", f"Make it; see {what}")
    elif not _ready(found):
        yield _obstacle(path, named["name"], "it is not ready to sign", f"See {what} {named['name']} -o yaml")


def _of_operator(part: Manifest) -> bool:
    return part.api_version.startswith(OPERATOR)


def _pending(api: Api, plan: KubernetesPlan) -> Iterable[Obstacle]:
    """Releases that an interrupted run left in the middle."""
    namespace = plan.cluster.namespace
    for one in pending(api, plan):
        yield _obstacle(
            ("kubernetes", "namespace"),
            f"{namespace}/{one.name}",
            f"revision {one.revision} of the release is {one.status}: a run was interrupted in the middle of "
            + ("it" if one.over else "it, or is still at it; Helm refuses to go on"),
            "The next obs up takes the mark away and goes on"
            if one.over
            else f"When no run is at it: kubectl -n {namespace} delete secret {one.secret}",
            fatal=not one.over,
        )


def _nodes(api: Api, plan: KubernetesPlan) -> Iterable[Obstacle]:
    """Nodes that take pods."""
    items = api.get("/api/v1/nodes")["items"]
    taking = [item for item in items if _ready(item) and not item["spec"].get("unschedulable")]
    if not taking:
        yield _obstacle(
            ("kubernetes", "context"),
            plan.cluster.context,
            f"none of its {len(items)} nodes is ready and takes pods",
            "See kubectl get nodes",
        )
    elif plan.cluster.ha and len(taking) < NODES_HA:
        yield _obstacle(
            ("kubernetes", "ha"),
            "true",
            f"{len(taking)} nodes take pods, and members of a role are kept on {NODES_HA} different ones",
            "Add nodes, or take `ha` out",
            fatal=False,
        )


def _ready(found: Any) -> bool:
    """A node, or an issuer."""
    conditions = found.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


CHECKS: tuple[Check, ...] = (
    _namespace,
    _rights,
    _storage,
    _ingress,
    _pull_secret,
    _given_secrets,
    _definitions,
    _issuer,
    _pending,
    _nodes,
)
