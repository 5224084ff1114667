"""What `obs verify` is given of a stack in a cluster: addresses behind port-forwards, keys from the engine's
state, logs of pods, and what stands of the plan."""

import base64
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from components.errors import SuiteError
from components.plan import part_id
from components.site import Site
from components.spec import Spec
from components.target import Access, Bound, Lacks, Outputs
from k8s import names
from k8s.cluster import Api, Refused
from k8s.forward import POD, Forwards
from k8s.keys import CA
from k8s.operate import present
from k8s.parts import KubernetesPlan
from k8s.plan import KEYS
from k8s.record import Record
from k8s.running import row
from k8s.site import site_of

SKEW = timedelta(minutes=1)
"""How far the clock of a node may be behind ours."""
_RELEASES = "/api/v1/namespaces/{}/secrets"


def access(spec: Spec, plan: KubernetesPlan, outputs: Outputs) -> Access:
    """The access to a stack in a cluster; nothing is asked before it is needed."""
    api = cache(lambda: Api(plan.cluster))
    site = site_of(spec)
    forwards = Forwards(api, plan.cluster.namespace)
    keys = partial(_of_keys, outputs, plan)
    logs = Logs(api, plan.cluster.namespace, site, forwards, datetime.now(UTC) - SKEW)
    return Access(
        site=site,
        secret=keys,
        authority=lambda: _issued(api(), plan) if spec.kubernetes.certificates.issuer else keys(CA),
        identity=None,
        units=Standing(plan, api),
        log=logs,
        sockets=_no_sockets,
        reach=forwards,
        instances=lambda service: _instances(forwards, site, service),
        note=_from_here(spec, plan, site),
    )


def _of_keys(outputs: Outputs, plan: KubernetesPlan, name: str) -> str:
    value: Any = outputs(part_id(KEYS, plan.cluster.namespace)).get(f"secret_{name}")
    if not isinstance(value, str):
        raise SuiteError(f"the stack's keys have no {name!r}. Run: obs up {plan.stack}")
    return value


def _issued(api: Api, plan: KubernetesPlan) -> str:
    """The authority of whoever signs for cert-manager, as it stands beside the store's certificate."""
    name = names.issued("opensearch")
    found = api.find(f"/api/v1/namespaces/{plan.cluster.namespace}/secrets/{name}")
    if not (found and (text := found.get("data", {}).get("ca.crt"))):
        raise SuiteError(
            f"Secret {name} has no ca.crt: the issuer has not signed, or tells nobody its authority. "
            f"See: kubectl -n {plan.cluster.namespace} describe certificate {name}"
        )
    return base64.b64decode(text).decode()


def _no_sockets() -> list[Bound]:
    raise Lacks("pods listen on addresses of their own; who reaches them is said by NetworkPolicies")


def _instances(forwards: Forwards, site: Site, service: str) -> tuple[str, ...]:
    """The address of each pod of a service."""
    address = site.services[service].dial[0]
    return tuple(f"{POD}{name}:{port}" for name, port in forwards.pods(address)) or (address,)


def _from_here(spec: Spec, plan: KubernetesPlan, site: Site) -> str:
    """How a person opens what is only reached in the cluster."""
    where, port = plan.cluster, site.port("pages")
    forward = f"kubectl --context {where.context} -n {where.namespace} port-forward service/pages {port}"
    host = spec.kubernetes.ingress.host
    outside = f"The start page is at https://{host}/. " if host else ""
    return f"{outside}These names are the cluster's own. From here: {forward}, then http://localhost:{port}/"


class Standing(Mapping[str, Callable[[], str]]):
    """What stands of a plan: workloads, and releases by `release NAME`. Asked anew whenever it is gone
    through."""

    def __init__(self, plan: KubernetesPlan, api: Callable[[], Api]) -> None:
        self._plan, self._api = plan, api
        self._seen: dict[str, str] = {}

    def __iter__(self) -> Iterator[str]:
        self._seen = standing(self._plan, self._api())
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)

    def __getitem__(self, name: str) -> Callable[[], str]:
        return partial(self._seen.__getitem__, name)


def standing(plan: KubernetesPlan, api: Api) -> dict[str, str]:
    """Why each does not serve, '' if it does; also of what is not there at all."""
    record, now = Record.of(plan), datetime.now(UTC)
    rows = [row(plan.stack, record.stack, one, now) for one in present(record, api)]
    seen = {one.unit: "" if one.well else one.silence or one.state for one in rows}
    for name, _ in record.own:
        seen.setdefault(name, "is not there")
    for name, status in _releases(plan, api, [name for name, _ in record.releases]).items():
        seen[f"release {name}"] = "" if status == "deployed" else status
    return dict(sorted(seen.items()))


def _releases(plan: KubernetesPlan, api: Api, names: list[str]) -> dict[str, str]:
    """Release -> what Helm says of it; nothing where the context's user may not read that."""
    try:
        answer = api.get(_RELEASES.format(plan.cluster.namespace), labelSelector="owner=helm")
    except Refused as error:
        if error.status == 403:
            return {}
        raise
    labels = [item["metadata"]["labels"] for item in answer["items"]]
    last = {one["name"]: one["status"] for one in sorted(labels, key=lambda one: int(one["version"]))}
    return {name: last.get(name, "is not there") for name in names}


class Logs:
    """What a service has written since `begun`, pod by pod; called with its name."""

    def __init__(
        self, api: Callable[[], Api], namespace: str, site: Site, forwards: Forwards, begun: datetime
    ) -> None:
        self._api, self._site, self._forwards = api, site, forwards
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._since = begun.strftime("%Y-%m-%dT%H:%M:%SZ")

    def __call__(self, service: str) -> Iterator[str]:
        for name, _ in self._forwards.pods(self._site.services[service].dial[0]):
            query = {"container": service, "sinceTime": self._since}
            yield from self._api().lines(f"{self._pods}/{name}/log", **query)
