"""The changes to a host, as pyinfra operations: read a fact, compare, yield a command.

One operation for each kind of change in `vsi.changes`. They run alike on this machine and over SSH. Nothing
here decides; `vsi.deploy` does. pyinfra is imported by this module and `vsi.session` only, both of which
belong to the `vsi.apply` subprocess.
"""

import hashlib
import io
import shlex
import tarfile
from collections.abc import Callable, Generator, Mapping
from typing import Any

from pyinfra.api.command import FileUploadCommand, QuoteString, StringCommand
from pyinfra.api.facts import FactBase
from pyinfra.api.operation import operation
from pyinfra.context import host

from vsi import changes
from vsi.changes import folder_of
from vsi.records import foreign

Commands = Generator[StringCommand | FileUploadCommand, None, None]


class FileDigests(FactBase[dict[str, str]]):
    """SHA-256 of every regular file below a folder, by relative path; empty if the folder is absent."""

    default = dict

    def command(self, folder: str) -> StringCommand:
        return StringCommand(
            "if cd",
            QuoteString(folder),
            "2>/dev/null; then find . -type f -exec sha256sum -z {} + | tr '\\0' '\\n'; fi",
        )

    def process(self, output: list[str]) -> dict[str, str]:
        digests = {}
        for line in output:
            value, _, path = line.partition("  ")
            digests[path.removeprefix("./")] = value
        return digests


class FileDigest(FactBase[str]):
    """SHA-256 of one regular file; '' if there is none. What lies beside it, a store's data, may be large."""

    default = str

    def command(self, path: str) -> StringCommand:
        return StringCommand("sha256sum", QuoteString(path), "2>/dev/null || true")

    def process(self, output: list[str]) -> str:
        # of a name with a backslash, the line begins with one
        return output[0].removeprefix("\\").partition(" ")[0] if output else ""


class FolderModes(FactBase[dict[str, int]]):
    """The modes of some folders, by path; those that are no folders are not in it."""

    default = dict

    def command(self, folders: list[str]) -> str:
        return f"stat -c '%a %F %n' {shlex.join(folders)} 2>/dev/null || true"

    def process(self, output: list[str]) -> dict[str, int]:
        rows = (line.split(" ", 2) for line in output)
        return {row[2]: int(row[0], 8) for row in rows if len(row) > 2 and row[1] == "directory"}


class LinkTargets(FactBase[dict[str, str]]):
    """What is directly in a folder, by name: where a link leads to, '' for what is none."""

    default = dict

    def command(self, folder: str) -> StringCommand:
        find = "find . -mindepth 1 -maxdepth 1 -printf '%f\\t%l\\n'; fi"
        return StringCommand("if cd", QuoteString(folder), f"2>/dev/null; then {find}")

    def process(self, output: list[str]) -> dict[str, str]:
        return dict(line.split("\t", 1) for line in output)


def _put(path: str, data: bytes, mode: int) -> Commands:
    """Write beside, then rename: a reader sees the old or the new, also after a power cut."""
    new = f"{path}.new"
    yield StringCommand("rm -f", QuoteString(new), "&& umask 077 && :>", QuoteString(new))
    yield FileUploadCommand(io.BytesIO(data), new, remote_temp_filename=f"{new}.up")
    open_up = () if mode == changes.PRIVATE_FILE else (f"chmod {mode:o}", QuoteString(new), "&&")
    yield StringCommand(*open_up, "sync", QuoteString(new), "&& mv -fT", QuoteString(new), QuoteString(path))


def _umask(mode: int) -> str:
    """The umask under which folders for files of that mode are made."""
    return f"umask {0o777 & ~folder_of(mode):03o}"


@operation()
def folders(change: changes.Folders) -> Commands:
    """Made, or given their mode."""
    fact: Any = FolderModes
    present = host.get_fact(fact, folders=list(change.paths))
    if missing := [folder for folder in change.paths if present.get(folder) != change.mode]:
        names, mode = shlex.join(missing), f"{change.mode:o}"
        yield StringCommand(f"umask {0o777 & ~change.mode:03o} && mkdir -p", names, f"&& chmod {mode}", names)


@operation()
def linked(change: changes.Links) -> Commands:
    """Compared by what each leads to."""
    fact: Any = LinkTargets
    present = host.get_fact(fact, folder=change.folder)
    folder = shlex.quote(change.folder)
    if gone := sorted(set(present) - set(change.targets)):
        yield StringCommand(f"cd {folder} && rm -rf --", shlex.join(gone))
    for name, target in change.targets.items():
        if present.get(name) != target:
            yield StringCommand(f"cd {folder} && ln -sfnT --", shlex.join([target, name]))


@operation()
def written(change: changes.Write) -> Commands:
    """Compared by digest; the mode is that of a new file."""
    fact: Any = FileDigest
    if host.get_fact(fact, path=change.path) != hashlib.sha256(change.data).hexdigest():
        yield from _put(change.path, change.data, change.mode)


@operation()
def generated_secret(change: changes.Generate) -> Commands:
    """`ln` lets the first of two writers win."""
    path = change.path
    folder, _, name = path.rpartition("/")
    if name not in host.get_fact(FileDigests, folder=folder):
        program = "import secrets; print(secrets.token_urlsafe(24), end='')"
        new = shlex.quote(f"{path}.new")
        yield StringCommand(
            f"umask 077 && rm -f {new} && python3 -c {shlex.quote(program)} > {new} && sync {new} &&",
            f"{{ ln {new}",
            QuoteString(path),
            f"|| true; }} && rm -f {new}",
        )


@operation()
def staged(change: changes.Stage) -> Commands:
    """In one archive, for the engine to check; only if something differs."""
    folder, files = change.folder, change.files
    present = host.get_fact(FileDigests, folder=change.conf)
    wanted = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}
    if not change.again and all(present.get(path) == value for path, value in wanted.items()):
        return
    archive = f"{folder}.tar"
    quoted = shlex.quote(folder)
    umask = _umask(change.mode)
    yield StringCommand(f"rm -rf {quoted} && {umask} && mkdir -p {quoted}")
    for name, target in change.links.items():
        yield StringCommand(f"ln -s {shlex.quote(target)} {quoted}/{shlex.quote(name)}")
    yield FileUploadCommand(io.BytesIO(_tar(files, change.mode)), archive)
    packed = shlex.quote(archive)
    yield StringCommand(f"{umask} && tar -xf {packed} -C {quoted} --no-same-owner && rm -f {packed}")


def _tar(files: Mapping[str, str], mode: int) -> bytes:
    """The files in one piece: a stack has hundreds, and each upload is a process or two."""
    packed = io.BytesIO()
    with tarfile.TarFile(fileobj=packed, mode="w") as archive:
        for path, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), mode
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


@operation(is_idempotent=False)
def kept(change: changes.Keep) -> Commands:
    """For root alone, and on the disk before what comes next may replace the originals."""
    folder, new = shlex.quote(change.folder), shlex.quote(f"{change.folder}.new")
    yield StringCommand(f"rm -rf {folder} {new} && umask 077 && mkdir {new}")
    for name, path in change.copies.items():
        source = shlex.quote(path)
        yield StringCommand(f"[ ! -e {source} ] || cp -a {source} {new}/{shlex.quote(name)}")
    yield StringCommand(f"find {new} -type f -exec sync {{}} + && mv -T {new} {folder}")


@operation(is_idempotent=False)
def ran(change: changes.Run) -> Commands:
    """In a bare environment, ended with us and after its time."""
    end_with_us = ["setpriv", "--pdeathsig", "KILL", "--"]
    pairs = [f"{name}={value}" for name, value in sorted(change.environment.items())]
    limit = ["timeout", "--kill-after=5", str(change.seconds)]
    line = ["env", "-i", *pairs, *end_with_us, *limit, *end_with_us, *change.arguments]
    yield StringCommand("cd", QuoteString(change.folder), "&& exec", shlex.join(line))


@operation()
def activated(change: changes.Activate) -> Commands:
    """Renamed from the staged copy, folders and contents on the disk before the next step."""
    folder, conf, files = change.folder, change.conf, change.files
    present = host.get_fact(FileDigests, folder=conf)
    wanted = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}
    changed = [path for path, value in wanted.items() if present.get(path) != value]
    gone = sorted((set(change.managed) - set(files)) & set(present) | set(foreign(files, present)))
    old, new = shlex.quote(conf), shlex.quote(folder)
    for paths in _chunks(changed):
        parents = shlex.join(sorted({f"{conf}/{path}".rpartition("/")[0] for path in paths}))
        umask = _umask(change.mode)
        yield StringCommand(f"{umask} && mkdir -p {parents} && cd {new} && sync {shlex.join(paths)}")
        yield StringCommand(
            f"for path in {shlex.join(paths)}; do"
            f' if [ -d {old}/"$path" ]; then rm -rf {old}/"$path"; fi &&'
            f' mv -fT {new}/"$path" {old}/"$path" || exit 1; done'
        )
        yield StringCommand(f"sync {parents}")
    for paths in _chunks(gone):
        yield StringCommand(f"cd {old} && rm -f {shlex.join(paths)}")
    if gone:
        yield StringCommand("find", QuoteString(conf), "-mindepth 1 -type d -empty -delete")
    for name, target in change.links.items() if changed else ():
        link = f"{shlex.quote(conf)}/{shlex.quote(name)}"
        yield StringCommand(f"[ -e {link} ] || ln -sfn {shlex.quote(target)} {link}")
    yield StringCommand("rm -rf", QuoteString(folder))


def _chunks(paths: list[str]) -> list[list[str]]:
    """At most so many that a command stays far below the kernel's 128 KiB for one argument."""
    return [paths[begin : begin + 200] for begin in range(0, len(paths), 200)]


@operation()
def owned_alone(change: changes.Tighten) -> Commands:
    """Contents and times stay. Another user's file is replaced by a copy of ours."""
    mode = f"{change.mode:o}"
    for path in map(shlex.quote, change.paths):
        own = f"{path}.own"
        copied = f"cp --preserve=timestamps {path} {own} && chmod {mode} {own} && mv -fT {own} {path}"
        yield StringCommand(f"if [ -O {path} ]; then chmod {mode} {path}; else {copied}; fi")


@operation()
def removed(change: changes.Remove) -> Commands:
    """Fine if they are gone already."""
    if change.paths:
        yield StringCommand("rm -rf", shlex.join(change.paths))


@operation()
def removed_if_empty(change: changes.RemoveEmpty) -> Commands:
    """What is in it stays, and it too then."""
    yield StringCommand("rmdir --ignore-fail-on-non-empty", QuoteString(change.path), "2>/dev/null || true")


OPERATIONS: Mapping[type, Callable[..., Any]] = {
    changes.Folders: folders,
    changes.Write: written,
    changes.Links: linked,
    changes.Generate: generated_secret,
    changes.Stage: staged,
    changes.Keep: kept,
    changes.Run: ran,
    changes.Activate: activated,
    changes.Tighten: owned_alone,
    changes.Remove: removed,
    changes.RemoveEmpty: removed_if_empty,
}
"""How each kind of change is carried out."""
