"""A state folder with a running collector and a store, for tests that stop, kill and starve it."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from components.render import collector, collector_gateway, collector_logs
from components.render.document import Documents
from components.render.text import texts
from components.site import Site
from components.spec import Spec
from tests.engine.fake_store import FakeStore
from tests.ports import free_base
from tests.sites import at_base
from tests.waiting import until

Render = Callable[[Spec, Site], Documents]
PASSWORD = "only-for-this-test"


class CollectorHost:
    """A collector in the state folder `root`, with its rendered settings.

    With `fake`, its store is a `FakeStore` without TLS, and that alone of the settings is replaced; without,
    an OpenSearch with its secrets is expected in the same folder. `render` makes the settings of the process
    `name`."""

    def __init__(
        self,
        root: Path,
        program: str,
        spec: Spec,
        port_base: int,
        *,
        fake: bool = True,
        name: str = collector_gateway.NAME,
        render: Render = collector.render,
    ) -> None:
        self.root = root
        self.program = program
        self.port_base = port_base
        self.site = self.placed(spec)
        self.name = name
        self.render = render
        self.conf = root / "units" / name / "conf"
        self.process: subprocess.Popen[bytes] | None = None
        self.output = root / f"{name}.log"
        self.fake = fake
        if fake:
            (root / "secrets").mkdir(parents=True, exist_ok=True)
            (root / "secrets" / collector_logs.PROGRAM.password).write_text(PASSWORD)
        self.store = FakeStore(self.site.port("opensearch"), collector_logs.PROGRAM.user, PASSWORD)
        self.configure(spec)

    def placed(self, spec: Spec) -> Site:
        """Where everything is: here, with all that a host may have."""
        return at_base(self.port_base, spec, without=())

    def configure(self, spec: Spec) -> None:
        """Render anew; a running collector does not see it before `reload`."""
        self.conf.mkdir(parents=True, exist_ok=True)
        for name, text in texts(self.render(spec, self.site)).items():
            (self.conf / name).write_text(text)
        plain = {
            "endpoint": f"http://{self.site.dial('opensearch')}",
            "tls": {"insecure": True, "ca_file": ""},
        }
        override = {"exporters": {"opensearchlogs": plain}} if self.fake else {}
        (self.conf / "override.json").write_text(json.dumps(override))

    def log_file(self, service: str) -> Path:
        """Where a service's output is captured."""
        path = self.root / f"units/{service}/log/{service}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def start(self) -> None:
        """Start and wait until it says that it is healthy."""
        arguments = ["--config", "collector.yaml", "--config", "override.json"]
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [self.program, *arguments], cwd=self.conf, stdout=output, stderr=output
            )
        self.healthy()

    def healthy(self) -> None:
        """Wait until the collector runs and says so."""
        until(self._is_healthy, f"the collector is healthy; see {self.output}")

    def _is_healthy(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the collector ended: {self.output.read_text()[-3000:]}")
        try:
            with urlopen(f"http://{self.site.dial(f'{self.name}-health')}/", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def kill(self) -> None:
        """As by `kill -9`."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def reload(self) -> None:
        """SIGHUP, and wait until the new settings run."""
        assert self.process is not None
        before = self.output.read_text().count("Everything is ready")
        self.process.send_signal(signal.SIGHUP)
        until(
            lambda: self.output.read_text().count("Everything is ready") > before,
            "the collector has reloaded",
        )
        self.healthy()

    def metrics(self) -> dict[str, float]:
        """The collector's own counters: name -> sum over labels."""
        with urlopen(f"http://{self.site.dial(f'{self.name}-metrics')}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        found: dict[str, float] = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, _, rest = line.partition("{") if "{" in line else line.partition(" ")
                found[name] = found.get(name, 0) + float(rest.rpartition(" ")[2] if "{" in line else rest)
        return found


@contextmanager
def running(
    root: Path, program: str, spec: Spec, render: Render = collector.render
) -> Iterator[CollectorHost]:
    """A started collector with its store open; both ended afterwards."""
    host = CollectorHost(root, program, spec, free_base(60), render=render)
    host.store.open()
    try:
        host.start()
        yield host
    finally:
        host.kill()
        host.store.close()
