"""The stack `staging-k8s` on a cluster of one node, for anyone to look at: `python -m tests.cluster.demo`.

Cluster and stack stay until the command is interrupted; then both go.
"""

import signal
import sys
import tempfile
from pathlib import Path

from engines.store import Store
from tests.cluster import content, tools, whole
from tests.cluster.node import Cluster


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
            shop.obs("up", whole.STACK, "--yes")
            kubectl = Store().executable("kubernetes", "kubectl")
            print(f"up. Ask it: {kubectl} --kubeconfig {cluster.kubeconfig} -n {whole.NAMESPACE} get pods")
            print("Ctrl-C takes it down.", flush=True)
            signal.pause()
        except KeyboardInterrupt:
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
