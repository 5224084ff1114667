"""What Docker builds images from: folders of this machine, put together of what the cache of engines has.

The Docker provider reads a folder whenever it is asked about its image, and sends it to Docker only when that
is to be built: so there must be one for each preview, which costs next to nothing, since it is made of links.
It builds anew where the folder's path, or a file's name, mode or content differ from what it remembers. So
the path is the same for all who deploy, wherever their state is, and a tag stands for the rest.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aws.images import Built, Images
from aws.parts import AwsPlan
from components.errors import SuiteError
from components.images import DOCKERFILE, PLATFORM, content, tag_of, tagged

if TYPE_CHECKING:
    from engines.store import Store

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = "manifest.json"
"""When and how an engine was made, in the cache: of no use in an image, and another on each machine."""


class Context(NamedTuple):
    """An image that is to be in its repository."""

    tag: str
    folder: str
    """From where the Pulumi program runs."""


def wanted(plan: AwsPlan) -> tuple[Built, ...]:
    """The images that a plan builds."""
    return tuple(item for part in plan.parts if isinstance(part, Images) for item in part.built)


def contexts(
    plan: AwsPlan, pushed: Mapping[str, Sequence[str]], store: "Store | None" = None, root: Path = ROOT
) -> dict[str, Context]:
    """A folder for each image of a plan, by its name; `pushed` has the tags of its repository, the newest
    first. `root` is where the Pulumi program runs. SuiteError if an engine is not there, with the command
    that gets it."""
    if not (images := wanted(plan)):
        return {}
    from engines.store import Store

    cache = store or Store()
    if cache.platform != PLATFORM:
        raise SuiteError(
            f"aws.images.build: images of target aws are for {PLATFORM}, and our programs are made of the "
            f"Python of this machine, which is {cache.platform}. Run this on a machine of that kind, or name "
            "images that are there"
        )
    found = dict[str, Context]()
    for item in images:
        files, name = _files(cache, item), item.recipe.name
        try:
            tag = tag_of(content(item.recipe, digest(files)), pushed.get(name, ()))
            folder = Path(".state", plan.stack, "images", name, tag)
            put_together(root / folder, files, tagged(item.recipe.dockerfile, tag))
        except OSError as error:
            raise SuiteError(
                f"aws.images.build: image {name} is put together in {root / '.state'}: {error}; expected a "
                "folder of yours that can be written"
            ) from None
        found[name] = Context(tag, str(folder))
    return found


def _files(store: "Store", item: Built) -> dict[str, Path]:
    """What is beside a Dockerfile, by its name there."""
    name = item.recipe.engine
    found = store.find(name)
    if found is None:
        raise SuiteError(
            f"aws.images.build: image {item.recipe.name} is made of {name}, which is not in the cache "
            f"{store.cache}; get it with `obs engines build {name}`"
        )
    return {
        beside: found.path / (found.engine.path_of(program, found.channel) if program else "")
        for program, beside in item.recipe.copied
    }


def digest(files: Mapping[str, Path]) -> str:
    """Of names, modes and contents: builds of one engine on two machines need not be the same."""
    found = hashlib.sha256()
    for name, path in sorted(files.items()):
        for item in [path, *sorted(path.rglob("*"))] if path.is_dir() else [path]:
            if item.name == MANIFEST or (item.is_dir() and not item.is_symlink()):
                continue
            link = os.readlink(item) if item.is_symlink() else ""
            own = hashlib.sha256(link.encode()) if link else _of_file(item)
            told = (name, item.relative_to(path).as_posix(), oct(item.lstat().st_mode), own.hexdigest())
            found.update("\0".join((*told, "")).encode())
    return found.hexdigest()


def _of_file(path: Path) -> "hashlib._Hash":
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256")


def put_together(folder: Path, files: Mapping[str, Path], dockerfile: str) -> None:
    """Make a folder with those files and folders, if it is not there: it is whole then. What was made for
    other tags of the image is taken away: it would keep on disk what the cache of engines gave up."""
    if not folder.is_dir():
        unfinished = folder.with_name(f".{folder.name}-{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for name, path in files.items():
            if path.is_dir():
                ignored = shutil.ignore_patterns(MANIFEST)
                shutil.copytree(path, unfinished / name, symlinks=True, ignore=ignored, copy_function=_linked)
            else:
                _linked(path, unfinished / name)
        (unfinished / DOCKERFILE).write_text(dockerfile, encoding="utf-8")
        try:
            unfinished.rename(folder)
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            if not folder.is_dir():  # else another run was faster
                raise
    for other in folder.parent.iterdir():
        if other != folder and not other.name.startswith("."):
            shutil.rmtree(other, ignore_errors=True)


def _linked(source: str | Path, target: str | Path) -> None:
    """The same file, where that can be: a copy on another disk."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
