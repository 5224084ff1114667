"""An OpenSearch node for tests, laid out as the deploy lays it out, with what the renderers give it.

Everything lies in one state folder; nothing outlives the test process (parent-death signal).
"""

import json
import os
import secrets
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from components.inventory import certificates, password_of
from components.render import opensearch, opensearch_store
from components.render.text import texts
from components.site import Site
from components.spec import Spec
from tests.waiting import until
from vsi import tls
from vsi.site import FOLDERS, local_site

REPO = Path(__file__).resolve().parents[2]


class Program:
    """One child process, ended with the test process whatever happens to it."""

    def __init__(self, command: list[str], cwd: Path, log: Path, environment: dict[str, str] | None = None):
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )

    def alive(self) -> bool:
        """False once it has ended."""
        return self.process.poll() is None

    def tail(self, lines: int = 30) -> str:
        """The end of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 60) -> int:
        """End it and give its exit code; killed at the deadline."""
        if self.alive():
            self.process.send_signal(how)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            raise AssertionError(f"did not end within {seconds} s:\n{self.tail()}") from None


class Node:
    """OpenSearch under `state`, with the stack's users and templates."""

    def __init__(self, spec: Spec, state: Path, engine: Path, site: Site | None = None) -> None:
        """At this machine's site unless told otherwise. Certificates that are there are taken."""
        self.spec = spec
        self.state = state
        self.engine = engine
        self.site = site or local_site(spec)
        self.url = f"https://{self.site.bind('opensearch')}"
        self.unit = state / "units/opensearch"
        self.conf = self.unit / "conf"
        self.program: Program | None = None
        self.tls = state / "secrets/tls"
        for name in ("conf", "data", "log"):
            (self.unit / name).mkdir(parents=True, exist_ok=True)
        self.tls.mkdir(parents=True, exist_ok=True)
        if not (self.tls / "ca.pem").exists():
            for file, content in tls.renewed({}, certificates(self.site)).items():
                (self.tls / file).write_bytes(content)
        for secret in opensearch_store.secrets(spec):
            self.new_password(secret)
        name, target = opensearch.TLS_LINK, FOLDERS.certificates
        (self.conf / name).symlink_to(target)
        self.write(spec)

    def write(self, spec: Spec) -> None:
        """Replace the rendered files by those of `spec`, as a deploy of a changed stack does."""
        self.spec = spec
        for path, text in texts(opensearch.render(spec, self.site)).items():
            target = self.conf / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)

    def new_password(self, secret: str) -> str:
        """Put a fresh value into a secret's file."""
        value = secrets.token_urlsafe(24)
        path = self.state / "secrets" / secret
        path.write_text(value)
        path.chmod(0o600)
        return value

    def start(self, seconds: float = 120) -> None:
        """Start it and wait until the security plugin serves."""
        self.launch()
        self.ready(seconds)

    def launch(self) -> None:
        """Start it."""
        tokens = {
            "{engine:opensearch}": str(self.engine),
            "{conf}": str(self.conf),
            "{data}": str(self.unit / "data"),
            "{log}": str(self.unit / "log"),
        }

        def real(text: str) -> str:
            for token, value in tokens.items():
                text = text.replace(token, value)
            return text

        command = [real(part) for part in opensearch.COMMAND]
        if os.geteuid() == 0:
            command = ["unshare", "--user", "--map-user=1000", "--map-group=1000", *command]
        environment = {key: real(value) for key, value in opensearch.ENVIRONMENT}
        self.program = Program(command, self.conf, self.unit / "log/opensearch.log", environment)

    def ready(self, seconds: float = 120) -> None:
        """Wait until the security plugin serves."""

        def ready() -> bool:
            if self.program is None or not self.program.alive():
                raise RuntimeError(f"OpenSearch ended:\n{self.program.tail() if self.program else ''}")
            with httpx.Client(verify=self.context()) as client:
                return client.get(self.url + opensearch.READY_PATH).status_code == 200

        until(ready, "OpenSearch serves", seconds=seconds)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it, keeping its data."""
        if self.program is not None:
            self.program.stop(how)
            self.program = None

    def context(self) -> ssl.SSLContext:
        """A TLS context that trusts the stack's CA alone."""
        return ssl.create_default_context(cafile=str(self.tls / "ca.pem"))

    def client(self, user: str | None) -> httpx.Client:
        """A client as one of the stack's users; None is nobody."""
        auth = None
        if user is not None:
            password = (self.state / "secrets" / password_of(user)).read_text()
            auth = httpx.BasicAuth(user, password)
        return httpx.Client(base_url=self.url, verify=self.context(), auth=auth, timeout=30)

    def admin(self) -> httpx.Client:
        """A client with the admin certificate, which may do everything."""
        context = self.context()
        context.load_cert_chain(str(self.tls / "admin.pem"), str(self.tls / "admin.key"))
        return httpx.Client(base_url=self.url, verify=context, timeout=30)

    def setup(self, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the setup command as the deploy does."""
        command = [part.replace("{python}", sys.executable) for part in opensearch.SETUP_COMMAND]
        environment = {**os.environ, "PYTHONPATH": str(REPO)}
        done = subprocess.run(
            command, cwd=self.conf, capture_output=True, text=True, timeout=180, env=environment, check=False
        )
        if check and done.returncode != 0:
            raise AssertionError(f"setup failed ({done.returncode}):\n{done.stdout}\n{done.stderr}")
        return done

    def documents(self, pattern: str) -> int:
        """Searchable documents in all indices of `pattern`; 0 if there are none."""
        with self.admin() as client:
            client.post(f"/{pattern}/_refresh", params={"ignore_unavailable": "true"})
            answer = client.get(f"/{pattern}/_count", params={"ignore_unavailable": "true"})
            return int(answer.json().get("count", 0))


def bulk(client: httpx.Client, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Send a bulk request, actions and documents in turn; the answer."""
    body = "".join(json.dumps(line) + "\n" for line in lines)
    answer = client.post("/_bulk", content=body, headers={"Content-Type": "application/x-ndjson"})
    answer.raise_for_status()
    result: dict[str, Any] = answer.json()
    return result
