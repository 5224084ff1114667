"""What an interrupted run left of a release goes, and what a run may still be at stays."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from k8s.cluster import Api
from k8s.parts import KubernetesPlan
from k8s.pending import free, pending
from k8s.preflight import preflight
from stacks.loader import load
from targets import target_of
from tests.k8s.fake_cluster import NAMESPACE, FakeCluster, fake_cluster, items

SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
LONG_AGO = timedelta(hours=1)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    with fake_cluster(tmp_path) as fake:
        yield fake


def planned(cluster: FakeCluster) -> KubernetesPlan:
    spec = load("staging-k8s")
    plan: KubernetesPlan = target_of(spec).plan(spec, "staging-k8s")
    return plan.model_copy(update={"cluster": cluster.where})


def marked(cluster: FakeCluster, *marks: tuple[str, timedelta]) -> None:
    """Releases with a revision under way, and how long ago it began."""

    def secret(name: str, age: timedelta) -> dict[str, Any]:
        labels = {"name": name, "status": "pending-upgrade", "version": "2"}
        made = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"metadata": {"name": f"kept.{name}.v2", "labels": labels, "creationTimestamp": made}}

    cluster.answers[SECRETS] = items(*(secret(*mark) for mark in marks))


def test_what_helm_would_have_given_up_goes_and_what_is_young_or_of_others_stays(
    cluster: FakeCluster,
) -> None:
    marked(cluster, ("jaeger", LONG_AGO), ("collector", timedelta()), ("wordpress", LONG_AGO))

    assert free(planned(cluster), Api(cluster.where)) == ["jaeger (revision 2 was pending-upgrade)"]
    assert cluster.deleted == [f"{SECRETS}/kept.jaeger.v2"]


def test_what_a_run_from_here_left_goes_at_once(cluster: FakeCluster) -> None:
    plan, api = planned(cluster), Api(cluster.where)
    marked(cluster)
    assert free(plan, api) == []  # a run begins
    marked(cluster, ("jaeger", timedelta(seconds=5)), ("collector", timedelta(minutes=5)))

    assert {one.name: one.over for one in pending(api, plan)} == {"jaeger": True, "collector": False}
    assert free(plan, api) == ["jaeger (revision 2 was pending-upgrade)"]


def test_what_the_next_run_takes_away_is_told_and_stands_in_nobodys_way(cluster: FakeCluster) -> None:
    marked(cluster, ("jaeger", LONG_AGO))
    told = [item for item in preflight(planned(cluster)) if item.value == f"{NAMESPACE}/jaeger"]

    assert [(item.fatal, item.what_to_do) for item in told] == [
        (False, "The next obs up takes the mark away and goes on")
    ]


def test_who_may_not_take_it_away_is_told_so_by_helm(cluster: FakeCluster) -> None:
    marked(cluster, ("jaeger", LONG_AGO))
    cluster.refused[f"{SECRETS}/kept.jaeger.v2"] = (403, "secrets is forbidden")
    assert free(planned(cluster), Api(cluster.where)) == []
    cluster.answers[SECRETS] = (403, "secrets is forbidden")
    assert free(planned(cluster), Api(cluster.where)) == []
