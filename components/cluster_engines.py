"""What a stack on Kubernetes takes of the catalogue, and what tests boot a cluster of. Data only.

A Pulumi provider is an engine like any other: its publisher's archive, or a build of its Go module. The
cluster is one for tests alone, so it is always built.
"""

from collections.abc import Mapping
from types import MappingProxyType

from components.engine import Channel, Engine, GoSource, Release

_TESTS: Mapping[Channel, str] = MappingProxyType(
    {"release": "only tests run it, and they are to need no publisher"}
)
_KUBERNETES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
)
_OPERATOR = ("operator", "prometheus-config-reloader")
_OPERATOR_MODULE = "github.com/prometheus-operator/prometheus-operator"
_DEFINED = (
    "alertmanagerconfigs",
    "alertmanagers",
    "podmonitors",
    "probes",
    "prometheuses",
    "prometheusrules",
    "scrapeconfigs",
    "servicemonitors",
)
_CONTAINERD = ("containerd", "containerd-shim-runc-v2", "ctr")
_VERSION = "-X k8s.io/component-base/version."

CLUSTER_ENGINES: tuple[Engine, ...] = (
    Engine(
        name="pulumi_kubernetes",
        version="4.24.0",
        pillar="control",
        executables=(("pulumi-resource-kubernetes", "bin/pulumi-resource-kubernetes"),),
        locations=MappingProxyType(
            {"release": (("pulumi-resource-kubernetes", "pulumi-resource-kubernetes"),)}
        ),
        release=Release(
            url="https://github.com/pulumi/pulumi-kubernetes/releases/download/v{version}/"
            "pulumi-resource-kubernetes-v{version}-{platform}.tar.gz",
            checksums="https://github.com/pulumi/pulumi-kubernetes/releases/download/v{version}/"
            "pulumi-kubernetes_{version}_checksums.txt",
            platforms=(("linux/amd64", "linux-amd64"), ("linux/arm64", "linux-arm64")),
            strip=0,
        ),
        source=GoSource(
            folder="pulumi-kubernetes",
            packages=(("pulumi-resource-kubernetes", "."),),
            embeds=(
                (
                    "schema.json",
                    "github.com/pulumi/pulumi-kubernetes/provider/v4",
                    "cmd/pulumi-resource-kubernetes/schema.json",
                ),
            ),
        ),
        estimate_s=360,
        on_demand=True,
    ),
    Engine(
        name="etcd",
        version="3.6.5",
        pillar="testing",
        executables=(("etcd", "bin/etcd"),),
        release=None,
        source=GoSource(folder="etcd", packages=(("etcd", "go.etcd.io/etcd/server/v3"),)),
        estimate_s=40,
        absent=_TESTS,
        on_demand=True,
    ),
    Engine(
        name="kubernetes",
        version="1.36.3",
        pillar="testing",
        executables=tuple((name, f"bin/{name}") for name in _KUBERNETES),
        release=None,
        source=GoSource(
            folder="kubernetes",
            packages=tuple((name, f"k8s.io/kubernetes/cmd/{name}") for name in _KUBERNETES),
            # Without its version charts refuse the cluster.
            ldflags=f"-s -w {_VERSION}gitMajor=1 {_VERSION}gitMinor=36 {_VERSION}gitVersion=v1.36.3",
        ),
        estimate_s=300,
        absent=_TESTS,
        on_demand=True,
    ),
    Engine(
        name="containerd",
        version="2.4.2",
        pillar="testing",
        executables=tuple((name, f"bin/{name}") for name in _CONTAINERD),
        release=None,
        source=GoSource(
            folder="containerd",
            packages=tuple((name, f"github.com/containerd/containerd/v2/cmd/{name}") for name in _CONTAINERD),
            ldflags="-s -w -X github.com/containerd/containerd/v2/version.Version=v2.4.2",
        ),
        estimate_s=90,
        absent=_TESTS,
        on_demand=True,
    ),
    Engine(
        name="coredns",
        version="1.14.7",
        pillar="testing",
        executables=(("coredns", "bin/coredns"),),
        release=None,
        source=GoSource(folder="coredns", packages=(("coredns", "."),)),
        estimate_s=60,
        absent=_TESTS,
        on_demand=True,
    ),
    Engine(
        name="kwok",
        version="0.8.0",
        pillar="testing",
        executables=(("kwok", "bin/kwok"),),
        release=None,
        source=GoSource(folder="kwok", packages=(("kwok", "sigs.k8s.io/kwok/cmd/kwok"),)),
        estimate_s=60,
        absent=_TESTS,
        on_demand=True,
    ),
    Engine(
        name="prometheus_operator",
        version="0.93.1",
        pillar="testing",
        executables=tuple((name, f"bin/{name}") for name in (*_OPERATOR, "crds")),
        release=None,
        source=GoSource(
            folder="prometheus-operator",
            packages=(*((name, f"{_OPERATOR_MODULE}/cmd/{name}") for name in _OPERATOR), ("crds", ".")),
            embeds=tuple(
                (
                    f"{name}.yaml",
                    _OPERATOR_MODULE,
                    f"example/prometheus-operator-crd/monitoring.coreos.com_{name}.yaml",
                )
                for name in _DEFINED
            ),
            # Its version is the tag of the image that reloads what it configures.
            ldflags="-s -w -X github.com/prometheus/common/version.Version=0.93.1",
        ),
        estimate_s=120,
        absent=_TESTS,
        on_demand=True,
    ),
)
