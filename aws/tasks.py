"""Programs as tasks of ECS, decided: containers, roles, what they read and from where."""

import re
from dataclasses import dataclass, field
from typing import Any

from aws.documents import canonical
from aws.images import image, needed, repositories
from aws.names import Names
from aws.parts import Compute, Key, Network, Target, Task, late
from aws.policies import Statement, allow, assumed_by, policy, tls_only
from aws.site import FOLDERS, instances, zone
from aws.unusual import detector
from components.plan import Pillar
from components.render import fluent_bit, fluent_bit_forward
from components.render.document import Documents
from components.render.text import texts
from components.spec import Spec
from components.spec.aws import days

CONF = "/etc/obs/conf"
SHARED = "shared"
"""The object with what all shippers read."""
SHIPPER = "shipper"
"""The container that ships what a service writes."""
SHIPS = ("/fluent-bit/bin/fluent-bit", f"--workdir={CONF}", f"--config={CONF}/{fluent_bit.CONFIG}")
NOBODY = 65534
FILES = ("{python}", "-m", "agents.task_files")
"""What the first container of a task, or of a pod, runs."""
SIZES = ((512, 256), (1024, 256), (2048, 512), (4096, 1024), (8192, 2048))
"""Memory (MiB) and processor (1024 are one) that Fargate has together."""
ROOM = 3
"""Times what a program is expected to take."""
ECR = re.compile(r"^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)")
"""An image in a registry of AWS: account, region, repository."""


@dataclass(frozen=True)
class Shipper:
    """What ships that which a program writes to its standard output: Fluent Bit, as FireLens."""

    image: str
    data: str
    """The folder of what the store has not taken yet."""


@dataclass(frozen=True)
class Work:
    """A program, before it is a task."""

    name: str
    pillar: Pillar
    image: str
    command: tuple[str, ...]
    documents: Documents
    memory_mb: int
    secrets: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    before: tuple[str, ...] = ()
    """A command of the programs' image that must succeed first."""
    given: tuple[str, ...] = ()
    """Those of its secrets that the stack file names."""
    may: tuple[Statement, ...] = ()
    needs: tuple[str, ...] = field(default=())
    port: int = 0
    """Where it is asked whether it serves; 0 for one that is not asked."""
    balanced: tuple[Target, ...] = ()
    """Ports that the load balancer passes on to."""
    shipper: Shipper | None = None
    kept: bool = False
    """Whether its data outlives the task."""
    on_nodes: bool = False
    """Whether it is on each node of a cluster, reads there what pods write, and keeps its place there."""
    serves: bool = False
    """Whether a new task stands beside the old one until it serves. What keeps something, or does work of its
    own, must not be there twice."""


def compute(spec: Spec, names: Names, key: Key, network: Network) -> Compute:
    """The ground of tasks."""
    bucket = names.bucket("config")
    arn = names.arn("s3", bucket, everywhere=True)
    return Compute(
        place=names.region,
        pillar=Pillar.SERVICES,
        needs=(key.id, network.id),
        files=tuple(texts(fluent_bit_forward.shared()).items()) if ships(spec) else (),
        key=f"{SHARED}.json",
        cluster=names.prefix,
        zone=zone(spec),
        bucket=bucket,
        bucket_policy=canonical(policy(tls_only((arn, f"{arn}/*"), "s3:*"))),
    )


def task(spec: Spec, names: Names, work: Work) -> Task:
    """The part of a program."""
    memory, cpu = next(size for size in SIZES if size[0] >= ROOM * work.memory_mb)
    containers = [_files(spec, names, work)]
    if work.before:
        containers.append(
            _container(names, work, "setup", work.before, programs_image(spec), after="files", ends=True)
        )
    after = containers[-1]["name"]
    own = _container(names, work, work.name, work.command, work.image, after=after)
    containers.append({**own, **_asked(work), **_opened(work)})
    if work.shipper:
        containers[-1] |= {"logConfiguration": {"logDriver": "awsfirelens"}}
        containers[-1]["dependsOn"].append({"containerName": SHIPPER, "condition": "START"})
        containers.append(_shipper(names, work, work.shipper))
    return Task(
        name=work.name,
        place=names.region,
        pillar=work.pillar,
        files=tuple(texts(work.documents).items()),
        secrets=tuple(sorted(work.secrets)),
        needs=(*work.needs, *needed(spec, names)),
        family=names.own(work.name),
        instances=instances(spec, work.name),
        containers=canonical(containers),
        cpu=cpu,
        memory=memory,
        volumes=tuple(mounts(work)),
        bucket=names.bucket("config"),
        key=f"{work.name}.json",
        log_group=names.log_group(work.name),
        log_days=days(spec.aws.log_retention),
        detector=detector(spec, names, work.name, work.pillar),
        assume=canonical(assumed_by("ecs-tasks.amazonaws.com", names.account)),
        execution_policy=canonical(_execution(names, work, _repositories(spec, names, work))),
        task_policy=canonical(what_it_may(names, work)),
        given=tuple((name, names.secret(name)) for name in sorted(work.given)),
        balanced=tuple((target.name, target.port) for target in work.balanced),
        kept=work.kept,
        beside=work.serves,
    )


def _repositories(spec: Spec, names: Names, work: Work) -> list[str]:
    """ARNs of those in ECR that its images are in."""
    given = {work.image, programs_image(spec), *({work.shipper.image} if work.shipper else ())}
    named = {
        one: f"arn:{names.partition}:ecr:{found[2]}:{found[1]}:repository/{found[3]}"
        for one in given
        if (found := ECR.match(one))
    }
    known = named | repositories(spec, names)
    return sorted({known[one] for one in given if one in known})


def ships(spec: Spec) -> bool:
    """Whether what any service writes is shipped."""
    return any(fluent_bit_forward.log_of(service) for service in spec.services)


def programs_image(spec: Spec) -> str:
    """What every task's first container is made of."""
    return image(spec, "programs")


def mounts(work: Work) -> dict[str, str]:
    """Volume -> where it is. Bound to the task, and gone with it, but for data that is kept."""
    return {
        "certificates": FOLDERS.certificates,
        "conf": CONF,
        "data": FOLDERS.data.replace("{program}", work.name),
        **({"queue": work.shipper.data} if work.shipper else {}),
        "secrets": FOLDERS.secrets,
        "tmp": "/tmp",  # noqa: S108 - of the task alone
    }


def _variable(secret: str) -> str:
    return secret.upper().replace("-", "_")


def placed(names: Names, work: Work) -> dict[str, Any]:
    """What the first container is to put where, but for secrets."""
    at = mounts(work)
    return {
        "documents": [
            {"bucket": names.bucket("config"), "key": f"{name}.json", "version": late(f"files/{name}")}
            for name in _read(work)
        ],
        **{name: at[name] for name in ("certificates", "conf", "secrets")},
        # What outlives the task belongs to its user already, and is nobody's to give away.
        "writable": [
            at[name] for name in ("data", "queue", "tmp") if name in at and not (work.kept and name == "data")
        ],
        "owner": NOBODY,
    }


def _files(spec: Spec, names: Names, work: Work) -> dict[str, Any]:
    """The container that puts everything in its place, and alone is given values of secrets."""
    variables = {name: _variable(name) for name in sorted(work.secrets)}
    settings = {**placed(names, work), "variables": variables}
    return {
        **_container(names, work, "files", FILES, programs_image(spec), ends=True),
        "user": "0",
        "environment": [{"name": "FILES", "value": canonical(settings)}],
        "secrets": [
            {"name": variable, "valueFrom": late(f"secret/{name}")} for name, variable in variables.items()
        ],
    }


def _container(
    names: Names,
    work: Work,
    name: str,
    command: tuple[str, ...],
    image: str,
    *,
    after: str = "",
    ends: bool = False,
) -> dict[str, Any]:
    log = {
        "awslogs-group": names.log_group(work.name),
        "awslogs-region": names.region,
        "awslogs-stream-prefix": name,
    }
    mounted = [{"containerPath": path, "sourceVolume": volume} for volume, path in mounts(work).items()]
    return {
        "name": name,
        "image": image,
        # Both: an image has a program of its own to start, which would be given the command as arguments.
        "entryPoint": filled(command[:1], work.name),
        "command": filled(command[1:], work.name),
        "workingDirectory": "/" if name == "files" else CONF,
        "essential": not ends,
        "user": str(NOBODY),
        "readonlyRootFilesystem": True,
        "environment": [] if ends else [{"name": key, "value": value} for key, value in work.environment],
        "mountPoints": mounted,
        "logConfiguration": {"logDriver": "awslogs", "options": log},
        **({"dependsOn": [{"containerName": after, "condition": "SUCCESS"}]} if after else {}),
    }


def _opened(work: Work) -> dict[str, Any]:
    """A load balancer passes on to what a definition opens."""
    if not work.balanced:
        return {}
    return {"portMappings": [{"containerPort": target.port, "protocol": "tcp"} for target in work.balanced]}


def _asked(work: Work) -> dict[str, Any]:
    """How ECS learns that it serves: a deployment of what does not is rolled back. Its image is that of the
    programs, so that there is a Python to ask with."""
    if not work.port:
        return {}
    connects = f"import socket; socket.create_connection(('127.0.0.1', {work.port}), 3).close()"
    return {
        "healthCheck": {
            "command": ["CMD", "python", "-c", connects],
            "interval": 10,
            "retries": 3,
            "startPeriod": 60,
            "timeout": 5,
        }
    }


def _shipper(names: Names, work: Work, shipper: Shipper) -> dict[str, Any]:
    """It starts before what it ships, and ends after it. Root, since the folder of its socket is root's."""
    return {
        **_container(names, work, SHIPPER, SHIPS, shipper.image, after="files"),
        "user": "0",
        "firelensConfiguration": {"type": "fluentbit"},
    }


def _read(work: Work) -> tuple[str, ...]:
    """Names of the objects with its documents."""
    return (work.name, SHARED) if work.shipper else (work.name,)


def filled(command: tuple[str, ...], name: str) -> list[str]:
    """A command of `components.running`: programs are found on the PATH of their image."""
    folders = {
        "python": "python",
        "conf": CONF,
        "data": FOLDERS.data.replace("{program}", name),
        "secrets": FOLDERS.secrets,
    }
    found = [re.sub(r"\{engine:[^:}]+:([^}]+)\}", r"\1", part) for part in command]
    return [re.sub(r"\{(\w+)\}", lambda token: folders.get(token[1], token[0]), part) for part in found]


def _execution(names: Names, work: Work, repositories: list[str]) -> dict[str, Any]:
    """What ECS does in the task's name: its images, its log, the secrets that it is given."""
    group = names.arn("logs", f"log-group:{names.log_group(work.name)}")
    pulled = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    return policy(
        allow(("logs:CreateLogStream", "logs:PutLogEvents"), (f"{group}:*",)),
        *given_secrets(names, work),
        *([allow(pulled, repositories)] if repositories else []),
        *([allow(("ecr:GetAuthorizationToken",), ("*",))] if repositories else []),
    )


def given_secrets(names: Names, work: Work) -> tuple[Statement, ...]:
    """To read the secrets of a program, and those alone."""
    found = [names.arn("secretsmanager", f"secret:{names.secret(name)}-??????") for name in work.secrets]
    if not found:
        return ()
    return allow(("secretsmanager:GetSecretValue",), found), allow(("kms:Decrypt",), (late("key"),))


def what_it_may(names: Names, work: Work) -> dict[str, Any]:
    """What the programs do: read their own files, and what each may besides."""
    bucket = names.arn("s3", names.bucket("config"), everywhere=True)
    files = tuple(f"{bucket}/{name}.json" for name in _read(work))
    return policy(
        allow(("s3:GetObject", "s3:GetObjectVersion"), files),
        allow(("kms:Decrypt",), (late("key"),)),
        *work.may,
    )
