"""Programs as pods of the stack's own cluster, decided (`aws.compute: eks`): what tasks of ECS are otherwise.

A pod has what a task has, in the same order: a first container that puts documents, secrets and authorities
into its volumes, then what must be done once, then the program. It asks AWS by a role of its own (Pod
Identity), so no secret goes through the cluster. Objects are those of the Kubernetes target, which is
imported for a stack with pods alone.
"""

import json
from typing import Any, ClassVar

from aws.cluster import by_pods
from aws.documents import canonical
from aws.images import needed
from aws.names import Names
from aws.parts import AwsPart, Cluster, Detector, Key, Network, Store, late
from aws.policies import policy, tls_only
from aws.site import instances, namespace
from aws.tasks import Work, given_secrets, what_it_may
from aws.unusual import detector
from components.plan import Pillar
from components.render.text import texts
from components.spec import Spec
from components.spec.aws import days

PROVIDER = "pulumi_kubernetes"
"""The engine that is Pulumi's provider of Kubernetes."""


OBJECTS = "objects.yaml"
"""The file in which people read the objects of a part."""


class OfObjects(AwsPart):
    """What is made of objects of the cluster beside resources of AWS."""

    namespace: str
    objects: str
    """Canonical JSON of them, in the order in which they are made."""

    @property
    def readable(self) -> tuple[tuple[str, str], ...]:
        """They too, as `kubectl` takes them."""
        from aws import manifests

        return (*self.files, (OBJECTS, manifests.listed(self.namespace, json.loads(self.objects))))


class Pods(OfObjects):
    """Where pods run: a namespace of the cluster, and a bucket of what they read: `pods@<region>`."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Pods",)
    ENGINES: ClassVar[tuple[str, ...]] = (PROVIDER,)

    name: str = "pods"
    kubeconfig: str
    """How Pulumi's provider reaches the cluster. It holds no token: one is asked for at each run."""
    bucket: str
    bucket_policy: str


class Pod(OfObjects):
    """A program as pods: `collector@<region>`. Its files are what it reads; its objects a service account,
    and of each of its instances a Deployment and a Service."""

    TOKENS: ClassVar[tuple[str, ...]] = ("obs:aws:Pod",)

    cluster: str
    account: str
    """Its service account, which has the role."""
    role: str
    assume: str
    policy: str
    bucket: str
    key: str
    """Where its files lie in the bucket."""
    log_group: str = ""
    """Of what it writes; '' for the shipper, which would read itself."""
    log_days: int = 0
    detector: Detector | None = None
    given: tuple[tuple[str, str], ...] = ()
    """Secret of the stack file -> its name in Secrets Manager."""


def ground(spec: Spec, names: Names, needs: tuple[Key, Network, Store, Cluster]) -> Pods:
    """The ground of pods."""
    from aws import manifests

    bucket = names.bucket("config")
    arn = names.arn("s3", bucket, everywhere=True)
    return Pods(
        place=names.region,
        pillar=Pillar.SERVICES,
        needs=tuple(part.id for part in needs),
        kubeconfig=canonical(_kubeconfig(names)),
        namespace=namespace(spec),
        bucket=bucket,
        bucket_policy=canonical(policy(tls_only((arn, f"{arn}/*"), "s3:*"))),
        objects=canonical(manifests.ground(spec)),
    )


def pod(spec: Spec, names: Names, work: Work) -> Pod:
    """The part of a program."""
    from aws import manifests

    may = what_it_may(names, work)["Statement"]
    return Pod(
        name=work.name,
        place=names.region,
        pillar=work.pillar,
        files=tuple(texts(work.documents).items()),
        secrets=tuple(sorted(work.secrets)),
        needs=(*work.needs, *needed(spec, names)),
        cluster=names.prefix,
        namespace=namespace(spec),
        account=work.name,
        role=role(names, work.name),
        assume=canonical(by_pods(names, work.name, namespace(spec))),
        # Decrypting with the key is among what every program may.
        policy=canonical(policy(*may, *given_secrets(names, work)[:1])),
        objects=canonical(manifests.of(spec, names, work, instances(spec, work.name))),
        bucket=names.bucket("config"),
        key=f"{work.name}.json",
        **({} if work.on_nodes else _log(spec, names, work)),
        given=tuple((name, names.secret(name)) for name in sorted(work.given)),
    )


def _log(spec: Spec, names: Names, work: Work) -> dict[str, Any]:
    """As a task's."""
    return {
        "log_group": names.log_group(work.name),
        "log_days": days(spec.aws.log_retention),
        "detector": detector(spec, names, work.name, work.pillar),
    }


def role(names: Names, program: str) -> str:
    """What the role of a program is called."""
    return f"{names.own(program)}-pod"


def objects_of(part: OfObjects) -> list[tuple[str, str, dict[str, object]]]:
    """(kind, name, body) of each of its objects."""
    return [(item["kind"], item["name"], item["body"]) for item in json.loads(part.objects)]


def _kubeconfig(names: Names) -> dict[str, object]:
    """A token of EKS lasts 15 minutes: the AWS CLI makes one for whoever runs Pulumi."""
    of = names.prefix
    token = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", of, "--region", names.region, "--output", "json"],
        "interactiveMode": "Never",
    }
    where = {
        "server": late("cluster-endpoint"),
        "certificate-authority-data": late("cluster-authority"),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": of, "cluster": where}],
        "users": [{"name": of, "user": {"exec": token}}],
        "contexts": [{"name": of, "context": {"cluster": of, "user": of}}],
        "current-context": of,
    }
