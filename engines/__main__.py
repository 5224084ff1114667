"""`python -m engines build`: what `make engines` runs. Does nothing, quickly, when all is there."""

import sys

from rich.console import Console

from engines.errors import EngineError
from engines.progress import Shown
from engines.store import Store


def main(arguments: list[str]) -> int:
    """Exit code 0 when every engine is in the cache, 1 with the reasons when not, 2 for other arguments."""
    console = Console(stderr=True)
    if arguments[:1] != ["build"]:
        console.print("usage: python -m engines build [NAME...]", markup=False)
        return 2
    store = Store()
    try:
        with Shown(console) as progress:
            store.ensure(arguments[1:] or store.engines, progress=progress)
    except EngineError as error:
        console.print(str(error), markup=False, highlight=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
