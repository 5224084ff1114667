"""What stacks lean on: pods start, are reached by the names of Services, and leave nothing behind."""

import json
from pathlib import Path

import httpx
import pytest

from engines.store import Store
from k8s.cluster import Api
from k8s.forward import Forwards
from k8s.parts import Cluster as Named
from tests.cluster import settings
from tests.cluster.images import Image
from tests.cluster.node import Cluster
from tests.waiting import until

pytestmark = pytest.mark.engine

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.test/node-exporter:1
          args: [--web.listen-address=:9100]
          ports: [{containerPort: 9100, name: http}]
          readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""


def test_pods_are_ready_and_reached_through_their_service(cluster: Cluster) -> None:
    program = Store().executable("node_exporter", "node_exporter")
    cluster.load([Image("registry.test/node-exporter:1", {"/exporter": program}, ("/exporter",))])
    cluster.kubectl("apply", "-f", "-", given=WEB)
    path = "/apis/apps/v1/namespaces/default/deployments/web"
    until(lambda: cluster.ask(path)["status"].get("readyReplicas") == 2, "two pods ready", 60)
    said = cluster.kubectl("get", "--raw", "/api/v1/namespaces/default/services/web:80/proxy/metrics")
    assert "node_exporter_build_info" in said
    where = Named(kubeconfig=str(cluster.kubeconfig), context=settings.CONTEXT, namespace="default")
    api = Api(where)
    reach = Forwards(lambda: api, "default")
    base = f"http://{reach('web.default.svc:80')}"
    with httpx.Client(base_url=base, trust_env=False, timeout=60) as client:
        for _ in range(5):
            assert "node_exporter_build_info" in client.get("/metrics").text
            assert client.get("/", headers={"Connection": "close"}).is_success
    assert reach.why("web.default.svc:80") == ""
    assert len(reach.pods("web.default.svc:80")) == 2
    cluster.kubectl("delete", "-f", "-", given=WEB)


def test_the_logs_of_pods_are_where_agents_look(cluster: Cluster) -> None:
    assert (cluster.place.folder / "log" / "pods").is_dir()
    assert not Path("/var/log/pods").exists(), "of the node, not of this machine"
    version = json.loads(cluster.kubectl("version", "-o", "json"))
    assert version["serverVersion"]["gitVersion"] == "v1.36.3"
