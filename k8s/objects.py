"""Single objects as parts of the plan, and what is the same in each: names, labels, texts for people."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from components.plan import Pillar, part_id
from components.render.document import Documents
from components.render.text import texts
from components.spec import Spec
from k8s import names
from k8s.parts import Manifest, nulls


def identity(spec: Spec, kind: str, name: str) -> str:
    """The id of the part that is this object."""
    return part_id(f"{kind.lower()}-{name}", spec.kubernetes.namespace)


def manifest(
    spec: Spec,
    pillar: Pillar,
    kind: str,
    name: str,
    body: dict[str, Any],
    *,
    needs: Iterable[str] = (),
    secrets: Iterable[str] = (),
    labels: dict[str, str] | None = None,
    retain: bool = False,
) -> Manifest:
    """An object of the stack in its namespace."""
    if found := nulls(body):
        raise ValueError(f"{kind} {name}: null at {', '.join(found)}")
    cluster_wide = kind == "Namespace"
    namespace = "" if cluster_wide else spec.kubernetes.namespace
    own = {**names.part_of(spec), "app.kubernetes.io/managed-by": "pulumi", **(labels or {})}
    metadata = {**body.pop("metadata", {}), "labels": dict(sorted(own.items()))}
    return Manifest(
        name=f"{kind.lower()}-{name}",
        place=spec.kubernetes.namespace,
        pillar=pillar,
        secrets=tuple(sorted(secrets)),
        needs=tuple(dict.fromkeys(needs)),
        kind=kind,
        object_name=name,
        namespace=namespace,
        body={"metadata": metadata, **body},
        retain=retain,
    )


def conf_map(spec: Spec, pillar: Pillar, program: str, documents: Documents) -> Manifest:
    """A program's documents as texts, a key each."""
    data = {names.key(path): written for path, written in texts(documents).items()}
    return manifest(spec, pillar, "ConfigMap", names.conf(program), {"data": data})


READABLE = 0o440
"""Of files with secrets: for the user and the group of the pod."""


def secret_volume(volume: str, held: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """A volume of a pod with these files, each of a Secret and its key there; of several Secrets one folder
    all the same."""
    sources: dict[str, list[dict[str, str]]] = {}
    for file, (secret, key) in held.items():
        sources.setdefault(secret, []).append({"key": key, "path": file})
    if len(sources) == 1:
        [(secret, items)] = sources.items()
        return {"name": volume, "secret": {"secretName": secret, "defaultMode": READABLE, "items": items}}
    found = [{"secret": {"name": secret, "items": items}} for secret, items in sources.items()]
    return {"name": volume, "projected": {"defaultMode": READABLE, "sources": found}}


def digest(*of: Any) -> str:
    """Of what a pod reads at its start: a change of it is a change of the pod."""
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:16]
