"""Real engines for tests, each started once for the whole run."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines.store import Store
from tests import specs
from tests.engine.node import Node
from tests.engine.project import Project, find_pulumi
from tests.ports import free_base


@pytest.fixture(scope="session")
def engine_folder() -> Callable[[str], Path]:
    """Name of an engine -> the folder of its artifact. Skips where there is none; OBS_ENGINE_<NAME> names one
    that is not in the cache."""

    def find(name: str) -> Path:
        override = os.environ.get(f"OBS_ENGINE_{name.upper()}")
        folder = Path(override) if override else Store().locate(name)
        if folder is None:
            pytest.skip(f"no {name} in the cache; `make engines` makes it")
        return folder

    return find


@pytest.fixture(scope="session")
def engine_program() -> Callable[[str, str], Path]:
    """Engine and program -> its path. Skips where the engine is not in the cache; OBS_ENGINE_<NAME> names a
    folder with the program in it instead."""

    def find(name: str, program: str) -> Path:
        override = os.environ.get(f"OBS_ENGINE_{name.upper()}")
        if override:
            return Path(override) / program
        store = Store()
        if store.locate(name) is None:
            pytest.skip(f"no {name} in the cache; `make engines` makes it")
        return store.executable(name, program)

    return find


@pytest.fixture(scope="session")
def opensearch(
    tmp_path_factory: pytest.TempPathFactory, engine_folder: Callable[[str], Path]
) -> Iterator[Node]:
    """The demo shop's OpenSearch, running and set up. Tests that change it put it back with `setup`."""
    base = free_base(100)
    spec = specs.spec(deploy={"port_base": base, "opensearch_heap_mb": 512})
    node = Node(spec, tmp_path_factory.mktemp("state with blänks & 100%"), engine_folder("opensearch"))
    try:
        node.start(seconds=300)
        node.setup()
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A copy of the project with the toy plan; each test brings it into the state that it needs."""
    pulumi = find_pulumi()
    if pulumi is None:
        pytest.skip("no Pulumi CLI on PATH or in the cache of engines: obs engines build pulumi")
    made = Project.make(tmp_path_factory.mktemp("project") / "copy", pulumi)
    yield made
    made.clean_up()


@pytest.fixture
def down(project: Project) -> Project:
    """The project with nothing deployed."""
    assert project.obs("destroy", "--yes").returncode == 0
    return project


@pytest.fixture
def standing(project: Project) -> Project:
    """The project with everything deployed and running."""
    project.up()
    assert project.once_each()
    return project
