"""What carries a plan out, on a real cluster: by the real provider, from nothing to nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from pulumi.automation.errors import CommandError

from engines.store import Store
from k8s.resources import PLUGIN
from tests.cluster.images import Image
from tests.cluster.node import Cluster
from tests.cluster.stack import IMAGE, NAMESPACE, Small, on_path
from tests.waiting import until

pytestmark = pytest.mark.engine
CONF = f"/api/v1/namespaces/{NAMESPACE}/configmaps/conf"
WEB = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web"


@pytest.fixture(scope="module")
def small(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    if Store().locate("pulumi_kubernetes") is None:
        pytest.skip("no pulumi_kubernetes in the cache; `make cluster` builds it")
    program = Store().executable("node_exporter", "node_exporter")
    cluster.load([Image(IMAGE, {"/exporter": program}, ("/exporter",))])
    folder = Path(tmp_path_factory.mktemp("small"))
    with on_path(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("OBS_STATE_DIR", str(folder / "state"))
        yield Small(cluster, folder)


def test_a_preview_of_nothing_that_is_there_yet(small: Small) -> None:
    assert small.preview()["create"] >= 3
    assert small.cluster.ask(f"/api/v1/namespaces/{NAMESPACE}") is None


def test_up_ends_when_pods_are_ready(small: Small) -> None:
    small.up()
    assert small.cluster.ask(WEB)["status"]["readyReplicas"] == 1
    assert small.cluster.ask(CONF)["data"] == {"rules.yml": "{{ $labels.x }} of $1\n"}, "byte for byte"


def test_a_second_up_changes_nothing(small: Small) -> None:
    assert set(small.up()) == {"same"}
    assert set(small.preview()) == {"same"}


def test_what_was_changed_by_hand_is_put_back(small: Small) -> None:
    small.cluster.kubectl("-n", NAMESPACE, "patch", "configmap", "conf", "-p", '{"data":{"rules.yml":"x"}}')
    assert small.preview()["update"] == 1
    small.up()
    assert small.cluster.ask(CONF)["data"] == {"rules.yml": "{{ $labels.x }} of $1\n"}
    small.cluster.kubectl("-n", NAMESPACE, "delete", "configmap", "conf")
    assert small.preview()["create"] == 1
    small.up()
    assert small.cluster.ask(CONF) is not None


def test_an_upgrade_that_fails_is_rolled_back_and_says_so(small: Small) -> None:
    small.text, small.image, small.seconds = "two", "registry.test/nobody-has-it:1", 5
    with pytest.raises(CommandError, match="web"):
        small.up()
    small.text, small.image, small.seconds = "one", IMAGE, 60
    container = small.cluster.ask(WEB)["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == IMAGE
    small.up()
    assert small.cluster.ask(WEB)["status"]["readyReplicas"] == 1


def _program(process: psutil.Process) -> str:
    """The file's name; '' of one that has ended meanwhile."""
    try:
        return Path(process.exe()).name
    except psutil.Error:
        return ""


def test_a_run_that_was_killed_does_not_stand_in_the_way_of_the_next(small: Small) -> None:
    small.text, small.image, small.seconds = "three", "registry.test/nobody-has-it:2", 300
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(small.up)
        until(lambda: "pending-upgrade" in small.releases().values(), "a release under way", 60)
        children = psutil.Process().children(recursive=True)
        providers = [one for one in children if _program(one) == PLUGIN]
        for provider in providers:
            provider.kill()
        with pytest.raises(CommandError):
            run.result()
    assert providers
    assert "pending-upgrade" in small.releases().values()

    small.image, small.seconds = IMAGE, 60
    small.up()
    assert "pending-upgrade" not in small.releases().values()
    assert small.cluster.ask(WEB)["metadata"]["annotations"]["meta.helm.sh/release-name"] == "web"
    assert small.cluster.ask(WEB)["status"]["readyReplicas"] == 1
    assert set(small.preview()) == {"same"}
    small.text = "one"
    small.up()


def test_destroy_leaves_what_it_was_told_to_keep(small: Small) -> None:
    small.destroy()
    assert small.cluster.ask(f"/api/v1/namespaces/{NAMESPACE}") is not None
    assert small.cluster.ask(WEB) is None
    assert small.cluster.ask(CONF) is None
