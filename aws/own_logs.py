"""What programs in pods write, into the log groups that tasks have: by the Fluent Bit that is on each node.

ECS brings the output of a task to CloudWatch by itself; in a cluster somebody must. Of a service only its
first container is read here: what the service itself writes is in the store, without what redaction takes
out, and would be here with it.
"""

from collections.abc import Iterable
from typing import Any

from aws.names import Names
from aws.policies import Statement, allow
from aws.site import POD_LOGS, namespace
from components.render import fluent_bit
from components.render.document import Document, Documents
from components.site import Site
from components.spec import Spec

HOST = fluent_bit.Reference("HOSTNAME")
"""The pod of the shipper: of each node another, as streams are."""
LIMIT = "50M"
"""How much waits for CloudWatch, of each program; the oldest goes first."""


def shipped(spec: Spec, names: Names, site: Site, own: Iterable[str], shipping: Documents) -> Documents:
    """The shipper's documents with these programs' logs beside those of services, if it has any."""
    programs = {**dict.fromkeys(own, "*"), **{one.name: "files" for one in spec.services if one.run}}
    before: dict[str, Any] = (
        shipping[fluent_bit.CONFIG].data if shipping else {"service": fluent_bit.service(spec, site)}
    )
    pipeline = before.get("pipeline", {})
    config = {
        **before,
        "pipeline": {
            **pipeline,
            "inputs": [
                *pipeline.get("inputs", ()),
                *(_input(spec, site, name, programs) for name in sorted(programs)),
            ],
            "outputs": [*pipeline.get("outputs", ()), *(_output(names, name) for name in sorted(programs))],
        },
    }
    return {**shipping, fluent_bit.CONFIG: Document(config, "yaml")}


def may_write(names: Names, programs: Iterable[str]) -> Statement:
    """Into their groups alone, which are there before."""
    groups = [names.arn("logs", f"log-group:{names.log_group(name)}:*") for name in programs]
    return allow(("logs:CreateLogStream", "logs:PutLogEvents"), groups)


def _input(spec: Spec, site: Site, name: str, programs: dict[str, str]) -> dict[str, Any]:
    """Pods are named by their programs, of which one may begin as another does."""
    longer = [_path(spec, other, "*") for other in sorted(programs) if other.startswith(f"{name}-")]
    return {
        "name": "tail",
        "tag": f"own.{name}",
        "path": _path(spec, name, programs[name]),
        **({"exclude_path": ",".join(longer)} if longer else {}),
        "multiline.parser": "cri",
        "read_from_head": True,
        "refresh_interval": 5,
        "rotate_wait": 30,
        "skip_long_lines": True,
        "db": f"{site.data(fluent_bit.NAME)}/own-{name}.db",
        "db.sync": "full",
        "db.locking": True,
        "storage.type": "filesystem",
        "storage.pause_on_chunks_overlimit": True,
    }


def _path(spec: Spec, name: str, container: str) -> str:
    return f"{POD_LOGS}/{namespace(spec)}_{name}-*/{container}/*.log"


def _output(names: Names, name: str) -> dict[str, Any]:
    """The words alone, as ECS has them: filters of metrics read their JSON."""
    return {
        "name": "cloudwatch_logs",
        "match": f"own.{name}",
        "region": names.region,
        "log_group_name": names.log_group(name),
        "log_stream_prefix": f"{HOST}.",
        "auto_create_group": False,
        "log_key": "log",
        "retry_limit": "no_limits",
        "storage.total_limit_size": LIMIT,
    }
