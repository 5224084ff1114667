"""How Docker logs in where images are pushed: by a helper that asks AWS at that moment, so that no login is
an input of a resource, in a state, or in a file.

The Docker provider takes it from Docker's own configuration, which says per registry who is asked. That of
whoever deploys stays as it is: the Pulumi engine is started with a copy that names the helper too.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aws.contexts import ROOT, wanted
from aws.parts import AwsPlan
from components.errors import SuiteError

HELPER = "obs-ecr"
"""`docker-credential-obs-ecr`, beside the plugins of the Pulumi engine."""
VARIABLE = "DOCKER_CONFIG"
FILE = "config.json"


def variables(plan: AwsPlan, environ: Mapping[str, str] = os.environ, root: Path = ROOT) -> dict[str, str]:
    """What the Pulumi engine is to be started with; nothing where nothing is pushed. SuiteError if Docker's
    configuration cannot be read, or its copy written."""
    hosts = sorted(registries(plan))
    if not hosts:
        return {}
    folder = root / ".state" / plan.stack / "docker"
    given = _given(environ, folder)
    helpers = {**(given.get("credHelpers") or {}), **dict.fromkeys(hosts, HELPER)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        _write(folder / FILE, json.dumps({**given, "credHelpers": helpers}, indent=1))
    except OSError as error:
        raise SuiteError(
            f"aws.images.build: {error}; expected a folder of yours that can be written"
        ) from None
    return {VARIABLE: str(folder)}


def registries(plan: AwsPlan) -> set[str]:
    """Where images of the plan are pushed."""
    return {item.address.partition("/")[0] for item in wanted(plan)}


def without(plan: AwsPlan, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Registries that Docker's configuration says nothing of."""
    given = _given(environ, None)
    if given.get("credsStore"):  # which may have it
        return
    known = {*(given.get("credHelpers") or {}), *(given.get("auths") or {})}
    yield from sorted(host for host in registries(plan) if not known & {host, f"https://{host}"})


def check(plan: AwsPlan) -> None:
    """SuiteError where a push would be refused: who types `pulumi` by hand may not have said who logs in."""
    for host in without(plan):
        raise SuiteError(
            f"aws.images.build: Docker knows no login for {host}, to which images are pushed. What to do: "
            f'eval "$(obs env {plan.stack})", or docker login {host}, and run this again'
        )


def _given(environ: Mapping[str, str], own: Path | None) -> dict[str, Any]:
    """Docker's configuration; never the copy that is made of it."""
    named = Path(environ.get(VARIABLE) or Path.home() / ".docker").expanduser()
    if own is not None and named == own:
        named = Path.home() / ".docker"
    try:
        found = json.loads((named / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SuiteError(f"{VARIABLE}: {named / FILE}: {error}; expected Docker's configuration") from None
    if not isinstance(found, dict):
        raise SuiteError(f"{VARIABLE}: {named / FILE}: expected Docker's configuration, an object of JSON")
    return found


def _write(path: Path, text: str) -> None:
    """For its owner alone: logins of other registries may be in it."""
    part = path.with_name(f".{path.name}-{os.getpid()}")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)
