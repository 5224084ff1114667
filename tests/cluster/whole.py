"""A stack that a cluster for tests can hold: the example `staging-k8s`, cut down to its one node."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from engines.store import Store
from k8s.manifests import Loader
from tests.cluster import published, settings
from tests.cluster.content import REGISTRY, images
from tests.cluster.node import Cluster
from tests.e2e.shop import Shop

ROOT = Path(__file__).parents[2]
STACK = "staging-k8s"
NAMESPACE = "observability"
PASSPHRASE = "a-cluster-for-tests"
_VOLUME = """\
apiVersion: v1
kind: PersistentVolume
metadata: {{name: volume-{number}}}
spec:
  capacity: {{storage: 100Gi}}
  accessModes: [ReadWriteOnce]
  local: {{path: /var/lib/volumes/{number}}}
  nodeAffinity:
    required:
      nodeSelectorTerms:
        - matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [node]}}]
---
"""


def charts(folder: Path) -> Path:
    """The charts of tests, with the operator's definitions as its module has them, without their words; the
    published ones where there are any."""
    shutil.copytree(Path(__file__).parent / "charts", folder)
    said = subprocess.run(
        [str(Store().executable("prometheus_operator", "crds"))], capture_output=True, text=True, check=True
    ).stdout
    found = [_wordless(one) for one in yaml.load_all(said, Loader) if one]
    (folder / "prometheus-operator-crds" / "templates").mkdir()
    for one in found:
        one["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
        where = folder / "prometheus-operator-crds" / "templates" / f"{one['spec']['names']['plural']}.yaml"
        where.write_text(yaml.dump(one, Dumper=yaml.CSafeDumper))
    published.put(folder)
    return folder


def _wordless(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _wordless(item)
            for key, item in value.items()
            if not (key == "description" and isinstance(item, str))
        }
    return [_wordless(item) for item in value] if isinstance(value, list) else value


def volumes(cluster: Cluster, number: int = 6) -> None:
    """Room for what is kept: nothing makes volumes on that node."""
    for one in range(number):
        folder = cluster.place.folder / "lib" / "volumes" / str(one)
        folder.mkdir(parents=True)
        folder.chmod(0o777)
    cluster.kubectl("apply", "-f", "-", given="".join(_VOLUME.format(number=one) for one in range(number)))


def stack_file(cluster: Cluster, charts_dir: Path) -> str:
    """The stack file of `STACK`, with the times of a workstation: `obs verify` is to see an alert fire and
    end."""
    whole = uncut(cluster, charts_dir, STACK)
    spec = whole["config"]["obs:spec"]
    spec["environment"]["tier"] = "dev"
    spec["deploy"]["opensearch_heap_mb"] = 512
    spec["kubernetes"] |= {"ha": False, "images": {"registry": REGISTRY}}
    spec["services"] = [service for service in spec["services"] if service.get("run")]
    spec["metrics"] |= {
        "exporters": ["node"],
        "scrape_interval": "5s",
        "scrape_timeout": "4s",
        "evaluation_interval": "5s",
        "rules": {"error_window": "20s", "error_hold": "5s", "target_down": "30s"},
    }
    spec["alerting"]["grouping"] = {"wait": "1s", "interval": "5s", "repeat": "4h"}
    spec["logging"]["index"]["refresh_interval"] = "1s"
    spec["logging"]["index"]["replicas"] = 0
    spec["tracing"]["storage"]["replicas"] = 0
    return yaml.safe_dump(whole, sort_keys=False)


def uncut(cluster: Cluster, charts_dir: Path, stack: str) -> dict[str, Any]:
    """A stack file as it is, for that cluster and with these charts."""
    whole: dict[str, Any] = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())
    whole["config"]["obs:spec"]["kubernetes"] |= {
        "kubeconfig": str(cluster.kubeconfig),
        "context": settings.CONTEXT,
        "charts_dir": str(charts_dir),
    }
    return whole


def prepare(cluster: Cluster) -> None:
    """The images of the stack, and room for its volumes."""
    cluster.load(images())
    volumes(cluster)


def project(cluster: Cluster, folder: Path) -> Shop:
    """A copy of the project whose `STACK`, cut down, goes to that cluster."""
    return project_of(STACK, stack_file(cluster, charts(folder / "charts")), folder)


def project_of(stack: str, described: str, folder: Path) -> Shop:
    """A copy of the project with that stack file."""
    shop = Shop.make(folder / "project")
    del shop.environment["OBS_PORT_BASE"]
    shop.environment["PULUMI_CONFIG_PASSPHRASE"] = PASSPHRASE
    (shop.root / "stacks" / f"Pulumi.{stack}.yaml").write_text(described)
    return shop
