"""Secrets, certificates and configuration in pods: each is a file where the site says that documents find
it. A pod has those keys of a Secret that its program reads, and no other."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from components.site import Site
from components.spec import Spec
from k8s import names
from k8s.objects import secret_volume


@dataclass(frozen=True)
class Mount:
    """A volume and where it appears."""

    volume: dict[str, Any]
    path: str
    read_only: bool = True

    @property
    def mounted(self) -> dict[str, Any]:
        """As a container has it."""
        kind = {"readOnly": True} if self.read_only else {}
        return {"name": self.volume["name"], "mountPath": self.path, **kind}


def volumes(mounts: Iterable[Mount]) -> list[dict[str, Any]]:
    """The volumes of a pod."""
    return [mount.volume for mount in mounts]


def mounted(mounts: Iterable[Mount]) -> list[dict[str, Any]]:
    """Where a container has them."""
    return [mount.mounted for mount in mounts]


def secrets(site: Site, keys: Iterable[str]) -> list[Mount]:
    """A file for each secret, in the folder of secrets; nothing where there is none."""
    held = {key: (names.SECRETS, key) for key in keys}
    return [Mount(secret_volume("secrets", held), site.folders.secrets)] if held else []


def receivers(spec: Spec, site: Site, keys: Iterable[str]) -> list[Mount]:
    """The same for secrets of which some may be in Secrets that the stack file names: one folder all the
    same."""
    held = {key: names.secret(spec, key) for key in keys}
    return [Mount(secret_volume("secrets", held), site.folders.secrets)] if held else []


def certificates(spec: Spec, site: Site, own: Iterable[str] = (), path: str = "") -> Mount:
    """The stack's authority, and what belongs to each certificate, in the folder of certificates."""
    files = [names.AUTHORITY, *(f"{name}.{kind}" for name in own for kind in ("pem", "key"))]
    held = {file: names.certificate(spec, file) for file in files}
    return Mount(secret_volume("certificates", held), path or site.folders.certificates)


def documents(program: str, paths: Iterable[str], path: str) -> Mount:
    """Documents of a program, under the paths that they have on a host."""
    items = [{"key": names.key(item), "path": item} for item in sorted(paths)]
    return Mount({"name": "documents", "configMap": {"name": names.conf(program), "items": items}}, path)


def scratch(name: str, path: str) -> Mount:
    """An empty folder that can be written to and is gone with the pod."""
    return Mount({"name": name, "emptyDir": {}}, path, read_only=False)


def of_node(name: str, folder: str, path: str = "", *, read_only: bool = True) -> Mount:
    """A folder of the node, made if it may be written to; under its own path unless told otherwise."""
    kind = {} if read_only else {"type": "DirectoryOrCreate"}
    return Mount({"name": name, "hostPath": {"path": folder, **kind}}, path or folder, read_only)
