"""What a cluster for tests needs: `python -m tests.cluster` installs and builds it, once."""

import sys

from engines.errors import EngineError
from engines.progress import Shown
from engines.store import Store
from obs.console import err
from tests.cluster import content, tools
from tests.cluster.node import ENGINES
from tests.cluster.simulated import Simulated
from tests.hosts import tools as hosts
from tests.hosts.commands import LabError


def main() -> int:
    """Bring it; the exit code."""
    try:
        if reason := hosts.obstacle():
            raise LabError(reason)
        hosts.packages(tools.lacking(), lambda words: print(f"cluster: {words}", file=sys.stderr))
        with Shown(err) as progress:
            Store().ensure(
                [*dict.fromkeys([*ENGINES, *content.ENGINES, *Simulated.ENGINES])], progress=progress
            )
    except (LabError, EngineError) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
