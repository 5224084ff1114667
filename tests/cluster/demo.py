"""The stack `staging-k8s` on a cluster of one node, proved to work, for anyone to look at:
`python -m tests.cluster.demo`.

Cluster and stack stay until the command is interrupted; then both go.
"""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from engines.store import Store
from tests.cluster import content, tools, whole
from tests.cluster.node import Cluster
from tests.e2e.shop import Shop


def main() -> int:
    """Up, until interrupted, down; the exit code."""
    lacks = [name for name in content.ENGINES if name != "runtime" and Store().locate(name) is None]
    if reason := tools.obstacle() or (lacks and f"not in the cache of engines: {', '.join(lacks)}"):
        print(f"cluster: {reason}; `make cluster` brings what can be brought", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Cluster.start() as cluster, tempfile.TemporaryDirectory(prefix="obs-demo-k8s-") as folder:
        try:
            whole.prepare(cluster)
            shop = whole.project(cluster, Path(folder))
            if _obs(shop, "up", whole.STACK, "--yes") or _obs(shop, "verify", whole.STACK, "--patience", "3"):
                print("Not all of it works; see above.", file=sys.stderr)
            kubectl = Store().executable("kubernetes", "kubectl")
            print(
                f"Ask the cluster:  {kubectl} --kubeconfig {cluster.kubeconfig} -n {whole.NAMESPACE} get pods"
            )
            told = f"PULUMI_CONFIG_PASSPHRASE={whole.PASSPHRASE} {sys.executable} -m obs"
            print(f"Ask the stack:    cd {shop.root} && {told} status {whole.STACK}")
            print("Ctrl-C takes both down.", flush=True)
            signal.pause()
        except KeyboardInterrupt:
            pass
    return 0


def _obs(shop: Shop, *arguments: str) -> int:
    """`obs ARGUMENTS` in the copy of the project, for all to see; its exit code."""
    command = [sys.executable, "-m", "obs", *arguments]
    return subprocess.run(command, cwd=shop.root, env=shop.environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
