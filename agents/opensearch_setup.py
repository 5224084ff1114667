"""Bring what OpenSearch keeps inside itself in line with files: templates, pipelines, roles, users, settings.

`python -m agents.opensearch_setup --settings setup/settings.json`, run with the unit's conf folder as working
directory. It asks before it writes, so a second run writes nothing, and removes what is ours but no longer
described. Exit 0 when all is in line, 1 with one line of reason otherwise; no secret is ever printed.
"""

import argparse
import json
import re
import ssl
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

MANAGED = "managed by obs"
"""Description of the roles and users that are ours."""
OURS = "obs-"
"""Names of templates and pipelines that are ours begin so."""
BUSY = (409, 429, 503)
"""Statuses of a store that may take the same a moment later."""
SECURITY = "/_plugins/_security/api"


class SetupError(Exception):
    """Why the store could not be brought in line; the text is for people and holds no secret."""


class Tenants(BaseModel):
    """Stacks that keep their data here, in indices named `<tenant>-<prefix>-...`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...]
    prefixes: tuple[str, ...]
    delete: bool
    """Whether indices of stacks that are no tenants any more go."""

    def gone(self, index: str) -> bool:
        """Whether an index is of a stack that is no tenant any more."""
        tenant, _, rest = index.partition("-")
        ours = any(rest.startswith(f"{prefix}-") for prefix in self.prefixes)
        return ours and re.fullmatch("[a-z0-9]+", tenant) is not None and tenant not in self.names


class Settings(BaseModel):
    """`setup/settings.json`; paths are relative to the working directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    ca: str
    certificate: str = ""
    key: str = ""
    """Of the admin certificate; '' where the store is somebody else's, and has no such thing."""
    user: str = ""
    """Who logs in there instead, with the password in `secrets` of that name: `opensearch-<user>`."""
    secrets: str
    deadline_seconds: float = 120
    live_settings: dict[str, dict[str, str]] = {}
    """Index pattern -> settings (without `index.`) that existing indices shall have."""
    tenants: Tenants | None = None
    """None where the store is one stack's own."""


@dataclass
class Setup:
    """One run: `changes` lists what was written, in order."""

    client: httpx.Client
    url: str
    changes: list[str] = field(default_factory=list)
    deadline: float = 0
    """Until when (monotonic) it asks again where the store cannot answer yet."""

    def get(self, path: str) -> Any:
        """The JSON at `path`, None if there is nothing."""
        answer = self._ask("GET", path)
        if answer.status_code == 404:
            return None
        return self._checked(answer, f"reading {path}")

    def put(self, what: str, path: str, body: Any) -> None:
        """Write `body` to `path` and note it as `what`."""
        self._checked(self._ask("PUT", path, json=body), f"writing {what}")
        self.changes.append(f"wrote {what}")

    def delete(self, what: str, path: str) -> None:
        """Remove `path` and note it as `what`; not being there is fine."""
        answer = self._ask("DELETE", path)
        if answer.status_code != 404:
            self._checked(answer, f"removing {what}")
            self.changes.append(f"removed {what}")

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """What is asked may be asked twice. A cluster that has just come together, or lost a node, says for
        some seconds that it cannot, or that another was faster."""
        while True:
            try:
                answer = self.client.request(method, path, **options)
            except httpx.TransportError:
                if time.monotonic() > self.deadline:
                    raise
            else:
                if answer.status_code not in BUSY or time.monotonic() > self.deadline:
                    return answer
            time.sleep(0.5)

    def _checked(self, answer: httpx.Response, doing: str) -> Any:
        if answer.is_success:
            return answer.json() if answer.content else None
        raise SetupError(f"{doing}: OpenSearch answered {answer.status_code}: {_reason(answer)}")


def _reason(answer: httpx.Response) -> str:
    """What the store says is wrong, shortened. Its answers quote names and mappings, never passwords."""
    try:
        body = answer.json()
    except ValueError:
        return answer.text[:300]
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        causes = [str(error.get("reason") or error.get("message") or error)]
        cause = error.get("caused_by")
        while isinstance(cause, dict):
            causes.append(str(cause.get("reason")))
            cause = cause.get("caused_by")
        return ": ".join(causes)[:600]
    return str(error)[:300]


def wait(client: httpx.Client, url: str, seconds: float) -> None:
    """Until the security plugin serves; SetupError at the deadline."""
    deadline = time.monotonic() + seconds
    seen = "nothing"
    while True:
        try:
            answer = client.get("/_plugins/_security/health")
            if answer.status_code == 200:
                return
            seen = f"status {answer.status_code}"
        except httpx.TransportError as error:
            seen = str(error) or type(error).__name__
        if time.monotonic() > deadline:
            raise SetupError(
                f"OpenSearch at {url} did not serve within {seconds:g} s (last: {seen}); see its log"
            )
        time.sleep(0.5)


def named_documents(setup: Setup, folder: Path, api: str, kind: str) -> None:
    """PUT every `folder`/<name>.json to `api`/<name> whose content differs; remove ours without a file."""
    described = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))
    }
    present = setup.get(f"{api}/{OURS}*") or {}
    if "index_templates" in present:
        present = {item["name"]: item["index_template"] for item in present["index_templates"]}
    for name, body in described.items():
        if name not in present or not _covers(present[name], body):
            setup.put(f"{kind} {name}", f"{api}/{name}", body)
    for name in sorted(present.keys() - described.keys()):
        setup.delete(f"{kind} {name}", f"{api}/{name}")


def _covers(present: Any, wanted: Any) -> bool:
    """Whether `present`, as the store gives it back, is `wanted`: it nests dotted settings, writes values as
    text and adds what is empty."""
    return bool(_plain(present) == _plain(wanted))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(_leaves(value))
    return value


def _leaves(value: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        here = f"{path}.{key}" if path else key
        if isinstance(item, dict) and item:
            yield from _leaves(item, here)
        elif item not in ({}, []) or path.endswith("aliases"):
            yield here, _leaf(item)


def _leaf(item: Any) -> Any:
    if isinstance(item, list):
        return [_plain(element) if isinstance(element, dict) else _leaf(element) for element in item]
    return str(item).lower() if isinstance(item, bool) else str(item)


def roles(setup: Setup, wanted: dict[str, Any]) -> None:
    """Bring our roles in line. Permissions count as sets: the store does not keep their order."""
    present = setup.get(f"{SECURITY}/roles") or {}
    for name, body in sorted(wanted.items()):
        if name not in present or _role(present[name]) != _role(body):
            setup.put(f"role {name}", f"{SECURITY}/roles/{name}", body)
    for name, body in sorted(present.items()):
        if name not in wanted and body.get("description") == MANAGED:
            setup.delete(f"role {name}", f"{SECURITY}/roles/{name}")


def _role(body: dict[str, Any]) -> Any:
    indices = [
        (sorted(item["index_patterns"]), sorted(item["allowed_actions"]))
        for item in body.get("index_permissions", [])
    ]
    tenants = [
        (sorted(item["tenant_patterns"]), sorted(item["allowed_actions"]))
        for item in body.get("tenant_permissions", [])
    ]
    cluster = sorted(body.get("cluster_permissions", []))
    return body.get("description"), cluster, sorted(indices), sorted(tenants)


def users(setup: Setup, wanted: dict[str, dict[str, str]], secrets: Path, settings: Settings) -> None:
    """Bring our users in line: each has its one role, and the password in its secret's file works."""
    present = setup.get(f"{SECURITY}/internalusers") or {}
    for name, user in sorted(wanted.items()):
        password = _secret(secrets / user["secret"], user["secret"])
        found = present.get(name, {})
        right = found.get("opendistro_security_roles") == [user["role"]]
        if right and found.get("description") == MANAGED and _logs_in(settings, name, password):
            continue
        body = {
            "password": password,
            "opendistro_security_roles": [user["role"]],
            "description": MANAGED,
        }
        setup.put(f"user {name}", f"{SECURITY}/internalusers/{name}", body)
        if not _logs_in(settings, name, password):
            raise SetupError(f"user {name}: the password in secret {user['secret']} was set but is refused")
    for name, found in sorted(present.items()):
        if name not in wanted and found.get("description") == MANAGED:
            setup.delete(f"user {name}", f"{SECURITY}/internalusers/{name}")


def _secret(path: Path, name: str) -> str:
    try:
        value = path.read_text().rstrip("\r\n")
    except OSError as error:
        raise SetupError(f"secret {name}: {error.strerror} ({path.name})") from None
    if not value:
        raise SetupError(f"secret {name} is empty")
    return value


def _logs_in(settings: Settings, user: str, password: str) -> bool:
    context = ssl.create_default_context(cafile=settings.ca)
    with httpx.Client(base_url=settings.url, verify=context, auth=(user, password), timeout=30) as client:
        return client.get("/_plugins/_security/authinfo").status_code == 200


def live_settings(setup: Setup, wanted: dict[str, dict[str, str]]) -> None:
    """Give indices that exist the settings that a template gives to new ones only."""
    for pattern, settings in sorted(wanted.items()):
        present = setup.get(f"/{pattern}/_settings?flat_settings=true&ignore_unavailable=true") or {}
        for index, body in sorted(present.items()):
            found = body["settings"]
            odd = {key: value for key, value in settings.items() if found.get(f"index.{key}") != value}
            if odd:
                setup.put(f"settings of {index}", f"/{index}/_settings", {"index": odd})


def forget(setup: Setup, tenants: Tenants) -> None:
    """Remove what is kept of stacks that are no tenants any more."""
    for prefix in tenants.prefixes if tenants.delete else ():
        query = "format=json&h=index&expand_wildcards=all"
        rows = setup.get(f"/_cat/indices/*-{prefix}-*?{query}") or []
        for index in sorted(str(row["index"]) for row in rows):
            if tenants.gone(index):
                setup.delete(f"index {index}", f"/{index}")


@contextmanager
def connected(settings: Settings) -> Iterator[httpx.Client]:
    """A client that shows the admin certificate, or logs in."""
    try:
        context = ssl.create_default_context(cafile=settings.ca)
        if settings.certificate:
            context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        names = ", ".join(name for name in (settings.ca, settings.certificate, settings.key) if name)
        raise SetupError(f"one of {names} cannot be used: {error}") from None
    login = _login(settings) if settings.user else None
    with httpx.Client(base_url=settings.url, verify=context, auth=login, timeout=60) as client:
        yield client


def _login(settings: Settings) -> httpx.BasicAuth:
    name = f"opensearch-{settings.user}"
    return httpx.BasicAuth(settings.user, _secret(Path(settings.secrets) / name, name))


def run(folder: Path, settings: Settings) -> list[str]:
    """Bring the store in line with `folder`; what was written. SetupError, httpx.HTTPError."""
    with connected(settings) as client:
        wait(client, settings.url, settings.deadline_seconds)
        setup = Setup(client, settings.url, deadline=time.monotonic() + settings.deadline_seconds)
        roles(setup, json.loads((folder / "security/roles.json").read_text(encoding="utf-8")))
        wanted = json.loads((folder / "security/users.json").read_text(encoding="utf-8"))
        users(setup, wanted, Path(settings.secrets), settings)
        # Pipelines before the templates that name them.
        named_documents(setup, folder / "pipelines", "/_ingest/pipeline", "pipeline")
        named_documents(setup, folder / "templates", "/_template", "template")
        named_documents(setup, folder / "index-templates", "/_index_template", "index template")
        live_settings(setup, settings.live_settings)
        if settings.tenants:
            forget(setup, settings.tenants)
        return setup.changes


def main(arguments: Iterable[str] | None = None) -> int:
    """Exit code 0, 1 (not in line), 2 (bad settings)."""
    parser = argparse.ArgumentParser(prog="agents.opensearch_setup", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True)
    options = parser.parse_args(None if arguments is None else list(arguments))
    try:
        settings = Settings.model_validate_json(options.settings.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        sys.stderr.write(f"{options.settings}: {error}\n")
        return 2
    try:
        changes = run(options.settings.parent, settings)
    except (SetupError, httpx.HTTPError, ValueError, OSError) as error:
        sys.stderr.write(f"OpenSearch set-up failed: {error}\n")
        return 1
    sys.stdout.write("".join(f"{change}\n" for change in changes) or "nothing to change\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
