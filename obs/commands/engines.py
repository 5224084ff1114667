"""`obs engines`: what the catalogue has, what is in the cache, getting it, locking it, cleaning up."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from obs.cli import guarded

if TYPE_CHECKING:
    from components.engine import Engine
    from engines.store import Artifact

app = typer.Typer(rich_markup_mode=None)

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Engines; all when none is given.")
]


@app.callback(invoke_without_command=True)
def _engines(context: typer.Context) -> None:
    """Engines: the programs that a stack runs, and where they come from. Without a command: list."""
    if context.invoked_subcommand is None:
        list_engines()


@app.command("list")
@guarded
def list_engines(
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every engine: its version, whether it is in the cache, and from where it came.

    obs engines list
    """
    import json

    from rich.table import Table

    from engines.progress import duration, size
    from engines.store import Store
    from obs.console import out

    store = Store()
    found = {name: store.find(name) for name in store.engines}
    if json_:
        typer.echo(
            json.dumps([_row(engine, found[name]) for name, engine in store.engines.items()], indent=2)
        )
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("engine", "version", "from", "size", "where"):
        table.add_column(
            heading, justify="right" if heading == "size" else "left", no_wrap=heading != "where"
        )
    lacks = []
    for name, engine in store.engines.items():
        if artifact := found[name]:
            place = str(artifact.path.relative_to(store.cache))
            table.add_row(name, engine.version, artifact.channel, size(artifact.size), place)
            if missing := engine.missing(artifact.channel):
                lacks.append(f"{name} from {artifact.channel} lacks: {', '.join(missing)}")
        else:
            expected = f", about {duration(engine.estimate_s)} to build" if engine.source else ""
            table.add_row(name, engine.version, "", "", f"not yet{expected}")
    out.print(table)
    for line in [f"the cache: {store.cache}", *lacks]:
        out.print(line, style="quiet")


def _row(engine: "Engine", found: "Artifact | None") -> dict[str, object]:
    """What `--json` says of one engine; the last five are null where it is not in the cache."""
    return {
        "engine": engine.name,
        "version": engine.version,
        "pillar": engine.pillar,
        "channels": list(engine.channels()),
        "estimate_s": engine.estimate_s,
        "cached": found.channel if found else None,
        "lacks": list(engine.missing(found.channel)) if found else None,
        "key": found.key if found else None,
        "size": found.size if found else None,
        "path": str(found.path) if found else None,
    }


@app.command()
@guarded
def build(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Engines; those of this machine when none is given."),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option("--channel", metavar="release|source|auto", help="Instead of OBS_ENGINE_CHANNEL."),
    ] = None,
) -> None:
    """Download or build what is missing in the cache. Without names: what a stack on this machine may need;
    what only other hosts do is brought when a stack asks for it.

    obs engines build prometheus alertmanager --channel source
    """
    from engines.progress import Shown
    from engines.store import Store
    from obs.console import err

    store = Store()
    with Shown(err) as progress:
        usual = [engine.name for engine in store.engines.values() if not engine.on_demand]
        store.ensure(names or usual, channel=channel, progress=progress)


@app.command()
@guarded
def lock(names: Names = None) -> None:
    """Fetch the checksums of official archives into components/engines.lock.json.

    What cannot be fetched stays unlocked, with the reason; nothing is made up.
    """
    from engines.publishers import fill
    from engines.release import client
    from engines.setting import mirror
    from engines.store import Store
    from obs.console import out

    store = Store()
    with client() as http:
        chosen = [store.engine(name) for name in names or store.engines]
        fresh, filled = fill(store.lock(), chosen, http, mirror())
        fresh.write(store.lock_file, store.engines.values())
    for row in filled:
        state = row.entry.digest or f"unlocked: {row.entry.unlocked}"
        out.print(f"{row.engine.name} {row.platform}  {state}")


@app.command()
@guarded
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The root of a mirror; made when absent.")],
    names: Names = None,
) -> None:
    """Write what was built here into a mirror's folder, so that other machines need not build it.

    obs engines export /srv/mirror; OBS_ENGINE_MIRROR=https://mirror.example make up
    """
    from engines.builds import write
    from engines.errors import EngineError
    from engines.progress import size
    from engines.store import Store
    from obs.console import out

    store = Store()
    try:
        for name in names or store.engines:
            engine = store.engine(name)
            found = store.find(name, "source") if "source" in engine.channels() else None
            if found is None:
                out.print(f"{name}: no build in the cache")
                continue
            path = write(folder, found.path, engine, found.key, store.platform)
            out.print(f"{name}: {path}, {size(path.stat().st_size)}")
    except OSError as error:
        raise EngineError(f"{folder} cannot be written: {error}") from None


@app.command()
@guarded
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed.")] = False,
) -> None:
    """Remove from the cache what the catalogue no longer asks for, and what killed runs left."""
    from engines.progress import size
    from engines.prune import prune as clean
    from engines.store import Store
    from obs.console import out

    removed = clean(Store(), dry_run=dry_run)
    for item in removed:
        out.print(f"{size(item.size):>8}  {item.path}  ({item.what})")
    total = size(sum(item.size for item in removed))
    out.print(f"{total} {'would be freed' if dry_run else 'freed'}")
