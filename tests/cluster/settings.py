"""What the programs of a node are told: commands and configuration files, as data."""

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

PODS = "10.214.0.0/16"
SERVICES = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
CONTEXT = "node"
"""The context of the kubeconfig."""
TOKEN = "root-of-a-test-cluster"
PAUSE = "registry.test/pause:1"
"""The image that holds a pod's namespaces: its program only waits."""
CNI_PLUGINS = ("/usr/lib/cni", "/opt/cni/bin")


@dataclass(frozen=True)
class Place:
    """Where a node is: its folder, its address, the name of its cgroups."""

    folder: Path
    address: str
    name: str

    @property
    def socket(self) -> Path:
        """That of containerd."""
        return self.folder / "containerd.sock"

    @property
    def kubeconfig(self) -> Path:
        """That of whoever may do everything."""
        return self.folder / "kubeconfig"

    @property
    def api(self) -> str:
        """The address of the API."""
        return f"https://{self.address}:6443"


def files(place: Place) -> dict[str, str]:
    """Name in the folder -> text."""
    return {
        "kubeconfig": _kubeconfig(place),
        "tokens.csv": f"{TOKEN},root,0,system:masters\n",
        "containerd.toml": _containerd(place),
        "cni/10-pods.conflist": _network(place),
        "kubelet.yaml": _kubelet(place),
        "resolv.conf": f"nameserver {place.address}\n",
        "Corefile": _names(place),
    }


def commands(place: Place) -> dict[str, list[str]]:
    """Program -> its arguments, in the order in which they start."""
    folder, kubeconfig = place.folder, f"--kubeconfig={place.kubeconfig}"
    quiet = ["--leader-elect=false", "--secure-port=0", kubeconfig]
    return {
        "etcd": [
            f"--data-dir={folder}/etcd",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ],
        "containerd": ["--config", f"{folder}/containerd.toml"],
        "kube-apiserver": [
            "--etcd-servers=http://127.0.0.1:2379",
            f"--bind-address={place.address}",
            f"--advertise-address={place.address}",
            "--secure-port=6443",
            f"--cert-dir={folder}/api",
            f"--tls-cert-file={folder}/api.pem",
            f"--tls-private-key-file={folder}/api.key",
            f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=RBAC",
            "--allow-privileged",
            f"--service-account-key-file={folder}/accounts.key",
            f"--service-account-signing-key-file={folder}/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-cluster-ip-range={SERVICES}",
            "--kubelet-preferred-address-types=InternalIP",
            "--profiling=false",
        ],
        "kube-controller-manager": [
            *quiet,
            f"--service-account-private-key-file={folder}/accounts.key",
            f"--root-ca-file={folder}/ca.pem",
            "--use-service-account-credentials",
        ],
        "kube-scheduler": quiet,
        "kubelet": [
            kubeconfig,
            f"--config={folder}/kubelet.yaml",
            f"--root-dir={folder}/kubelet",
            f"--cert-dir={folder}/kubelet/pki",
            f"--node-ip={place.address}",
            "--hostname-override=node",
        ],
        "kube-proxy": [
            kubeconfig,
            "--proxy-mode=iptables",
            f"--cluster-cidr={PODS}",
            "--hostname-override=node",
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
            "--metrics-bind-address=127.0.0.1",
        ],
        "coredns": ["-conf", f"{folder}/Corefile"],
    }


def _kubeconfig(place: Place) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CONTEXT,
            "clusters": [
                {
                    "name": CONTEXT,
                    "cluster": {
                        "server": place.api,
                        "certificate-authority": str(place.folder / "ca.pem"),
                    },
                }
            ],
            "users": [{"name": "root", "user": {"token": TOKEN}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": "root"}}],
        }
    )


def _containerd(place: Place) -> str:
    """Everything below the node's own folder."""
    bins = json.dumps([folder for folder in CNI_PLUGINS if Path(folder).is_dir()])
    return f"""version = 3
root = "{place.folder}/containerd"
state = "{place.folder}/state"
[grpc]
address = "{place.socket}"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{PAUSE}"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = {bins}
conf_dir = "{place.folder}/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
"""


def _network(place: Place) -> str:
    """Each pod has a cable of its own to the node, so that what goes to a Service comes back the same way."""
    pods = {
        "type": "ptp",
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": f"{place.folder}/addresses",
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [pods, ports]})


def _kubelet(place: Place) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": place.address,
            "containerRuntimeEndpoint": f"unix://{place.socket}",
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "failCgroupV1": False,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{place.name}",
            "cgroupsPerQOS": False,
            "enforceNodeAllocatable": [],
            "failSwapOn": False,
            "clusterDNS": [place.address],
            "clusterDomain": "cluster.local",
            "resolvConf": str(place.folder / "resolv.conf"),
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
            "readOnlyPort": 0,
            "healthzPort": 0,
            "registerNode": True,
            "syncFrequency": "5s",
        }
    )


def _names(place: Place) -> str:
    return f""".:53 {{
    bind {place.address}
    errors
    cache 5
    kubernetes cluster.local {{
        kubeconfig {place.kubeconfig} {CONTEXT}
        ttl 1
    }}
}}
"""
