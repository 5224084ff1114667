import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest

from engines import opensearch
from engines.errors import EngineError


def zipped(files: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o100755 if "/bin/" in name else 0o100644) << 16
            packed.writestr(info, text)
    return data.getvalue()


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """What Maven would copy, of a few bytes each."""
    folder = tmp_path / "artifacts"
    plugin = "version=1.2.2.0\nopensearch.version=1.2.2\nclassname=x\n"
    files: dict[str, bytes] = {
        "opensearch-1.2.3.zip": zipped(
            {
                "opensearch-1.2.3/bin/opensearch": "#!/bin/sh\n",
                "opensearch-1.2.3/bin/opensearch.bat": "@echo",
                "opensearch-1.2.3/config/opensearch.yml": "",
            }
        ),
        "plugins/opensearch-security-1.2.2.0.zip": zipped(
            {
                "plugin-descriptor.properties": plugin,
                "config/internal_users.yml": "admin: {hash: known}",
                "config/roles.yml": "roles",
                "tools/install_demo_configuration.sh": "",
                "tools/securityadmin.sh": "#!/bin/sh\n",
            }
        ),
        "plugins/opensearch-job-scheduler-1.2.2.0.zip": zipped({"plugin-descriptor.properties": plugin}),
    }
    for module in opensearch.MODULES:
        files[f"modules/{module.name}/{module.name}.jar"] = b"jar"
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in sorted(files.items())]
    (tmp_path / "artifacts.sha256").write_text("\n".join(sums) + "\n")
    return folder


@pytest.fixture
def node(artifacts: Path, tmp_path: Path) -> Path:
    opensearch.assemble(artifacts, tmp_path / "node", "1.2.3")
    return tmp_path / "node"


def test_every_module_gets_a_descriptor_of_this_version(node: Path) -> None:
    for module in opensearch.MODULES:
        text = (node / "modules" / module.name / "plugin-descriptor.properties").read_text()
        assert f"classname={module.classname}\n" in text
        assert "opensearch.version=1.2.3\n" in text
        assert (node / "modules" / module.name / f"{module.name}.jar").exists()
        policy = node / "modules" / module.name / "plugin-security.policy"
        assert policy.exists() == bool(module.permissions)
    assert "createClassLoader" in (node / "modules/lang-painless/plugin-security.policy").read_text()


def test_modules_extend_only_modules_that_are_there() -> None:
    names = {module.name for module in opensearch.MODULES}
    assert {other for module in opensearch.MODULES for other in module.extends} <= names


def test_plugins_are_adopted_and_their_own_version_kept(node: Path) -> None:
    for plugin in opensearch.PLUGINS:
        text = (node / "plugins" / plugin / "plugin-descriptor.properties").read_text()
        assert "opensearch.version=1.2.3\n" in text
        assert "\nversion=" in f"\n{text}"
        assert "version=1.2.2.0\n" in text


def test_nothing_of_the_demonstration_is_left(node: Path) -> None:
    names = {path.name for path in node.rglob("*")}
    assert not names & {"internal_users.yml", "roles_mapping.yml", "install_demo_configuration.sh"}
    assert not [name for name in names if name.endswith((".bat", ".exe", ".pem"))]
    assert "roles.yml" in names


def test_programs_can_be_started(node: Path) -> None:
    assert os.access(node / "bin" / "opensearch", os.X_OK)
    assert os.access(node / "plugins" / "opensearch-security" / "tools" / "securityadmin.sh", os.X_OK)


def test_recorded_artifacts_pass(artifacts: Path, tmp_path: Path) -> None:
    opensearch.verify_artifacts(artifacts, tmp_path / "artifacts.sha256")


def test_an_altered_artifact_is_refused_with_both_digests(artifacts: Path, tmp_path: Path) -> None:
    (artifacts / "opensearch-1.2.3.zip").write_bytes(b"other")
    with pytest.raises(
        EngineError, match=f"opensearch-1.2.3.zip has sha256 {hashlib.sha256(b'other').hexdigest()}"
    ):
        opensearch.verify_artifacts(artifacts, tmp_path / "artifacts.sha256")


@pytest.mark.parametrize(("change", "said"), [("remove", "is missing"), ("add", "is not in the list")])
def test_missing_and_surplus_artifacts_are_refused(
    artifacts: Path, tmp_path: Path, change: str, said: str
) -> None:
    path = artifacts / "modules" / "reindex" / ("reindex.jar" if change == "remove" else "more.jar")
    if change == "remove":
        path.unlink()
    else:
        path.write_bytes(b"")
    with pytest.raises(EngineError, match=f"modules/reindex/{path.name} {said}"):
        opensearch.verify_artifacts(artifacts, tmp_path / "artifacts.sha256")


def test_java_is_linked_again_when_it_has_gone(node: Path, tmp_path: Path) -> None:
    def home(name: str) -> Path:
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "java").touch()
        return tmp_path / name

    first, second = home("one"), home("two")
    opensearch.link_java(node, lambda: first)
    opensearch.link_java(node, lambda: second)
    assert (node / "jdk").resolve() == first
    (first / "bin" / "java").unlink()
    opensearch.link_java(node, lambda: second)
    assert (node / "jdk").resolve() == second


def test_a_bundled_java_is_kept(node: Path) -> None:
    (node / "jdk" / "bin").mkdir(parents=True)
    (node / "jdk" / "bin" / "java").touch()
    opensearch.link_java(node, lambda: Path("/nonexistent"))
    assert not (node / "jdk").is_symlink()
