"""The collector, twice: as an agent on every node, and as the gateway.

The chart is not given the configuration as values: it passes those through its template engine, which reads
`{{`, and the provider takes every null out of them. The document comes as it is, in a ConfigMap.
"""

from typing import Any

from components.inventory import BY_NAME, Program
from components.render import collector_agent, collector_gateway
from components.render.document import Documents
from components.running import Running
from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.charts import common, mounts
from k8s.charts.common import Values
from k8s.site import CONF, certificates_of, gateways, log_folder

AGENT, GATEWAY = BY_NAME[collector_agent.NAME], BY_NAME[collector_gateway.NAME]
_OFF = ("otlp", "otlp-http", "jaeger-compact", "jaeger-thrift", "jaeger-grpc", "zipkin", "metrics")
"""The chart's own ports; those of the document replace them."""
_USER = 10001


def agent(spec: Spec, site: Site) -> Values:
    """On every node. Its place in each log file, and what the store has not taken yet, are in a folder of the
    node and outlive the pod. Of the node's logs it reads those that the document names: never its own."""
    running = collector_agent.running(spec, site)
    kept = f"/var/lib/obs/{spec.kubernetes.namespace}/{AGENT.name}"
    node = [
        mounts.of_node("logs", log_folder(spec)),
        mounts.of_node("data", kept, site.data(AGENT.name), read_only=False),
    ]
    return {
        **_common(spec, site, AGENT, running, node, collector_agent.render(spec, site)),
        "mode": "daemonset",
        "podSecurityContext": {},
        "securityContext": common.READS_AS_ROOT,
        "tolerations": common.EVERYWHERE,
        "rollout": {"strategy": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
    }


def gateway(spec: Spec, site: Site) -> Values:
    """What the stores do not take waits on a volume of its own, which stays when the release goes. Of
    several, each passes a trace on to that whose it is."""
    running = collector_gateway.running(spec, site)
    # The volume itself comes from the claim of that name.
    kept = {"name": "data", "mountPath": site.data(GATEWAY.name)}
    values = _common(spec, site, GATEWAY, running, [], collector_gateway.render(spec, site))
    return {
        **values,
        "mode": "statefulset",
        "replicaCount": gateways(spec),
        "topologySpreadConstraints": common.spread({"app.kubernetes.io/instance": GATEWAY.name}),
        "podSecurityContext": common.pod_security(_USER),
        "securityContext": common.CONTAINER_SECURITY,
        "extraVolumeMounts": [*values["extraVolumeMounts"], kept],
        "statefulset": {
            "persistentVolumeClaimRetentionPolicy": {
                "enabled": True,
                "whenDeleted": "Retain",
                "whenScaled": "Retain",
            },
            "volumeClaimTemplates": [
                {"metadata": {"name": "data"}, "spec": common.claim(spec, spec.kubernetes.volumes.queue)}
            ],
        },
        "terminationGracePeriodSeconds": 60,
    }


def _common(
    spec: Spec, site: Site, program: Program, running: Running, node: list[mounts.Mount], documents: Documents
) -> Values:
    files = [
        mounts.documents(program.name, documents, CONF),
        *mounts.secrets(site, running.secrets),
        mounts.certificates(spec, site, certificates_of(program, site)),
        *node,
    ]
    health = {"httpGet": {"port": site.port(running.health.listener), "path": running.health.path}}
    return {
        "nameOverride": program.name,
        "fullnameOverride": program.name,
        "image": common.collector_image(spec),
        "imagePullSecrets": common.pull_secrets(spec),
        "command": {"name": "otelcol", "extraArgs": [f"--config={CONF}/collector.yaml"]},
        "configMap": {"create": False},
        "podAnnotations": {common.DIGEST: common.digest(documents)},
        "additionalLabels": names.part_of(spec),
        "podLabels": names.part_of(spec),
        "serviceAccount": {"automountServiceAccountToken": False},
        "ports": _ports(site, program),
        "service": {"enabled": True},
        "resources": common.resources(spec, program.name),
        "livenessProbe": {**health, "initialDelaySeconds": 10, "failureThreshold": 6},
        "readinessProbe": health,
        "extraVolumes": mounts.volumes(files),
        "extraVolumeMounts": mounts.mounted(files),
    }


def _ports(site: Site, program: Program) -> dict[str, Any]:
    """The document's listeners, each under the name that it has behind the program's."""
    found: dict[str, Any] = {name: {"enabled": False} for name in _OFF}
    for socket in program.sockets:
        if site.has(socket.name):
            port = site.port(socket.name)
            name = socket.name.removeprefix(f"{program.name}-")
            found[name] = {"enabled": True, "containerPort": port, "servicePort": port, "protocol": "TCP"}
    return found
