"""Whether `obs up` has anything for the Pulumi engine to do: it is not started for nothing.

What a run of the engine does follows from what the program is given, from the state, and from what the
providers read. An `up` that ended well leaves a mark of the first two: each resource of the state had just
what the program gave it. As long as both are the same, the program would give the same once more, and only
what is read can differ. So all of it is read, by the same providers and with the same values as the engine
has them: if each resource is as the state has it, the engine would find nothing to change.

The mark covers, under the key that encrypts the state's secrets:

- the program: code, libraries, interpreter, the Pulumi CLI, artifacts of engines;
- what it is given: stack file, spec, plan, the values of its secrets, variables `OBS_…` and `PULUMI_…`;
- every resource of the state, and what this machine remembers of where the stack is.

No mark is made, and none holds, where the state is no file of this machine, has no passphrase or another, or
has resources of providers that are not ours. A mark that is damaged or a stranger's is as good as none. It is
taken away before the engine starts. Whoever calls holds the stack's locks, and has repaired what was cut off.
"""

import contextlib
import hmac
import json
import os
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from components.errors import SuiteError
from obs import recorded
from obs.describe import deployed_in
from obs.passphrase import passphrase
from obs.paths import ROOT, put, state_folder
from obs.pulumi import backend_folder, checkpoint_of, find_pulumi
from obs.state_key import Sealed, StateKey, derived
from stacks.servers import VARIABLE as SERVERS_FILE

if TYPE_CHECKING:
    from components.plan import Plan
    from components.spec import Spec

FORMAT = "1"
_NO_CODE = frozenset(("benchmarks", "tests"))
"""Packages of which no run has anything."""
_OURS, _PROVIDER = "pulumi-python:dynamic/", "pulumi:providers:pulumi-python"
_FLEETING = ("created", "modified", "propertyDependencies", "sourcePosition", "stackTrace")
"""What the engine notes of a resource for people, or a refresh leaves out."""
_SALT = re.compile(rb"^encryptionsalt:.*\n?", re.MULTILINE)
"""Which the engine puts into a stack file when it first runs."""


def forget(stack: str) -> None:
    """Before the engine changes anything."""
    _file(stack).unlink(missing_ok=True)


def _file(stack: str) -> Path:
    return state_folder() / ".no-op" / f"{stack}.json"


class NoOp:
    """Of one `obs up`. Made before the stack file is read: what changes while it runs is seen."""

    def __init__(self, stack: str) -> None:
        self.stack = stack
        self._before, self._beside = _files(stack), _beside()
        self._variables = {k: v for k, v in os.environ.items() if k.startswith(("OBS_", "PULUMI_"))}
        self._derived: Future[StateKey | None] | None = None
        if self._recorded():
            self._begin()

    def holds(self, spec: "Spec", plan: "Plan") -> bool:
        """Whether a run of the engine would find nothing to change."""
        mark = self._recorded()
        if not mark:
            return False
        try:
            resources = self._resources()
            if resources is None or not hmac.compare_digest(mark, self._mark(spec, plan, resources)):
                return False
            from plugins.provider_host import ProviderHost

            host = ProviderHost()
            return all(
                host.as_it_was(it["id"], it["inputs"], it["outputs"]) for it in filter(_is_read, resources)
            )
        except (SuiteError, Sealed, OSError, ValueError):  # whoever runs the engine is told
            return False

    def remember(self, spec: "Spec", plan: "Plan") -> None:
        """After the engine ended well. Nothing if files of the program were changed meanwhile."""
        with contextlib.suppress(SuiteError, Sealed, OSError, ValueError):
            if self._derived and not self._derived.result():
                self._derived = None  # by now there may be a state
            now = _files(self.stack)
            if self._beside != _beside():
                return
            if {**now, "stack file": ""} != {**self._before, "stack file": ""}:
                return
            if _SALT.sub(b"", now["stack file"]) != _SALT.sub(b"", self._before["stack file"]):
                return
            self._before = now
            resources = self._resources()
            if resources is not None:
                put(_file(self.stack), json.dumps({"mark": self._mark(spec, plan, resources)}))

    def _recorded(self) -> str:
        """The mark; '' if there is none."""
        try:
            found = json.loads(_file(self.stack).read_bytes())["mark"]
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        return found if isinstance(found, str) and found.isascii() else ""

    def _begin(self) -> Future[StateKey | None]:
        """Derive the key in a thread of its own: nothing waits for it but what needs it."""
        begun: Future[StateKey | None] = Future()
        self._derived = begun

        def derive() -> None:
            try:
                deployment, words = recorded.deployment(checkpoint_of(self.stack)), passphrase(self.stack)
                found = derived(deployment, words) if deployment and words is not None else None
                begun.set_result(found)
            except Exception as error:  # whoever waits for it raises it
                begun.set_exception(error)

        Thread(target=derive, name="key of the state", daemon=True).start()
        return begun

    def _key(self) -> StateKey:
        """Sealed if there is none."""
        if found := (self._derived or self._begin()).result():
            return found
        raise Sealed("no passphrase, or another")

    def _resources(self) -> list[dict[str, Any]] | None:
        """All of the state in plain, in the order of their names; None if some are not ours to read."""
        deployment = recorded.deployment(checkpoint_of(self.stack)) or {}
        found = deployment.get("resources") or []
        if not found or deployment.get("pending_operations") or not all(map(_known, found)):
            return None
        opened: list[dict[str, Any]] = self._key().opened([_lasting(resource) for resource in found])
        return sorted(opened, key=lambda resource: str(resource["urn"]))

    def _mark(self, spec: "Spec", plan: "Plan", resources: list[dict[str, Any]]) -> str:
        from engines.pack import packed

        operate, pulumi = deployed_in(self.stack), find_pulumi()
        # What a shared store lends stands in the plan alone, and is known once that is made.
        keys = {it.key or "" for it in spec.secrets} | {it.key for it in plan.secrets}
        given = {
            "format": FORMAT,
            "stack": [self.stack, str(backend_folder())],
            "program": {name: sha256(data).hexdigest() for name, data in self._before.items()},
            "pulumi": [str(pulumi), pulumi.stat().st_mtime_ns],
            "engines": {name: engine.key for name, engine in packed(plan.engines).items()},
            "spec": spec.model_dump_json(),
            "plan": plan.model_dump_json(),
            "variables": self._variables,
            "secrets": {key: os.environ.get(key) for key in keys},
            "noted": operate.noted(self.stack) if operate else None,
            "resources": resources,
        }
        return self._key().mark(json.dumps(given, sort_keys=True))


def _lasting(resource: Mapping[str, Any]) -> dict[str, Any]:
    """What the engine acts on. What a resource needs it writes in any order."""
    needs = sorted(resource.get("dependencies") or ())
    return {key: resource[key] for key in resource if key not in _FLEETING} | {"dependencies": needs}


def _is_read(resource: Mapping[str, Any]) -> bool:
    """Whether a provider of ours reads a resource."""
    return str(resource["type"]).startswith(_OURS)


def _known(resource: Mapping[str, Any]) -> bool:
    """Whether nobody else's provider is asked for a resource."""
    return not resource.get("custom") or resource["type"] == _PROVIDER or _is_read(resource)


def _files(stack: str) -> dict[str, bytes]:
    """What the program is: its files and its libraries by their times and sizes, as Python tells whether it
    has compiled them; and the stack file, which is small."""
    libraries = Path(sysconfig.get_path("purelib")).stat()
    code = [_stamped(entry) for entry in os.scandir(ROOT) if entry.is_file()]
    code += [found for entry in os.scandir(ROOT) if _is_package(entry) for found in _below(entry)]
    found = (sys.version, sys.executable, libraries.st_mtime_ns, sorted(code))
    with contextlib.suppress(OSError, ValueError):  # whoever reads the stack file tells of its name
        file = (ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_bytes()
        return {"code": repr(found).encode(), "stack file": file}
    return {"code": repr(found).encode(), "stack file": b""}


def _beside() -> dict[str, bytes]:
    """What stack files stand on, and servers beside them: the program reads them once more. They are in no
    mark, since spec and plan have what is in them."""
    files = [file for file in (ROOT / "stacks").glob("*.y*ml") if not file.name.startswith("Pulumi.")]
    if named := os.environ.get(SERVERS_FILE):
        files.append(Path(named))
    found = {}
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            found[str(file)] = file.read_bytes()
    return found


def _is_package(entry: "os.DirEntry[str]") -> bool:
    return entry.name not in _NO_CODE and os.path.isfile(f"{entry.path}/__init__.py")


def _below(folder: "os.DirEntry[str]") -> Iterator[tuple[str, int, int]]:
    """Each file of a package, but for stack files, of which plan and spec have what is in them."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry) if entry.name != "__pycache__" else ()
            elif not (folder.name == "stacks" and entry.name.endswith(".yaml")):
                yield _stamped(entry)


def _stamped(entry: "os.DirEntry[str]") -> tuple[str, int, int]:
    try:
        found = entry.stat()
    except FileNotFoundError:  # a link that leads nowhere, as editors make, or gone meanwhile
        return entry.path, 0, 0
    return entry.path, found.st_mtime_ns, found.st_size
