"""The registry: each target by its name, and what a target cannot do, refused by name."""

from importlib import import_module

import pytest

import targets
from components.spec.problem import Refused
from tests import specs


@pytest.mark.parametrize("name", targets.MODULES)
def test_a_target_has_the_name_under_which_it_is_found(name: str) -> None:
    assert targets.target(name).name == name


def test_a_target_is_a_package_of_its_own() -> None:
    packages = [import_module(module).__package__ for module in targets.MODULES.values()]
    assert len(set(packages)) == len(packages)


def test_a_target_that_does_not_exist_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(targets.MODULES, "aws")
    with pytest.raises(Refused, match=r"^environment\.target = 'aws': .* 'local'"):
        targets.plan(specs.spec(environment={"target": "aws"}), "x")


def test_everything_that_a_target_cannot_do_is_told_at_once() -> None:
    changed = specs.spec(logging={"index": {"replicas": 2}}, tracing={"storage": {"replicas": 1}})
    with pytest.raises(Refused) as caught:
        targets.plan(changed, "x")
    settings = [problem.key for problem in caught.value.problems]
    assert settings == ["logging.index.replicas", "tracing.storage.replicas"]


def test_redis_without_a_user_of_it_is_refused() -> None:
    services = [item for item in specs.stack()["services"] if item["name"] == "legacy-billing"]
    with pytest.raises(Refused, match=r"metrics\.exporters = 'redis'"):
        targets.plan(specs.spec(services=services), "x")
