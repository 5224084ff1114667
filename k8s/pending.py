"""Releases that an interrupted run left in the middle: Helm goes on with none of them.

What such a run leaves is a revision that is marked as under way (pulumi-kubernetes 2054). The mark goes when
the run is certainly over: it was one from here, since the lock of the stack's state is ours by now, or Helm
would have given up long ago.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from k8s.cluster import Api, Refused
from k8s.parts import KubernetesPlan, Release
from k8s.record import folder

MARKS = ("pending-install", "pending-upgrade", "pending-rollback")
SKEW = timedelta(minutes=1)
"""How far the cluster's clock may be from ours."""


class Pending(NamedTuple):
    """A release with such a revision."""

    name: str
    revision: str
    status: str
    secret: str
    """That keeps the revision."""
    over: bool
    """Whether no run can be at it any more."""


def pending(api: Api, plan: KubernetesPlan) -> Iterator[Pending]:
    """Those of a plan."""
    seconds = {part.name: part.timeout_seconds for part in plan.parts if isinstance(part, Release)}
    marked = f"owner=helm,status in ({','.join(MARKS)})"
    answer = api.find(_secrets(plan), labelSelector=marked) or {"items": []}
    begun, now = _begun(plan.stack), datetime.now(UTC)
    for item in answer["items"]:
        metadata = item["metadata"]
        labels = metadata["labels"]
        name = labels.get("name", "")
        if name not in seconds:
            continue
        made = datetime.fromisoformat(metadata["creationTimestamp"].replace("Z", "+00:00"))
        # A release waits for its pods, and once more when it is rolled back.
        given_up = now - made > timedelta(seconds=2 * seconds[name]) + SKEW
        ours = begun is not None and made > begun - SKEW
        yield Pending(name, labels.get("version", "?"), labels["status"], metadata["name"], given_up or ours)


def free(plan: KubernetesPlan, api: Api) -> list[str]:
    """Take the marks away whose runs are over, and note that a run begins; the names of the releases."""
    found: list[Pending] = []
    with suppress(Refused):  # who may not do that is told so by Helm, of which the Secrets are
        for one in pending(api, plan):
            if one.over:
                api.delete(f"{_secrets(plan)}/{one.secret}")
                found.append(one)
    file = _file(plan.stack)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.write_text(datetime.now(UTC).isoformat(), encoding="ascii")
    return [f"{one.name} (revision {one.revision} was {one.status})" for one in found]


def _secrets(plan: KubernetesPlan) -> str:
    return f"/api/v1/namespaces/{plan.cluster.namespace}/secrets"


def _file(stack: str) -> Path:
    return folder(stack) / "begun"


def _begun(stack: str) -> datetime | None:
    """When the last run from here began; None if there was none."""
    try:
        return datetime.fromisoformat(_file(stack).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
