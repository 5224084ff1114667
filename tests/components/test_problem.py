"""A problem says key, value, expectation and what to do, in one line that can be printed."""

import pytest

from components.spec.problem import MISSING, AsWritten, KeyPath, Problem, Refused, written
from components.target import Obstacle


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (
            Problem(("services", 0, "owner"), "nobody", "expected a team"),
            "services[0].owner = 'nobody': expected a team",
        ),
        (Problem(("environment", "tier"), MISSING, "missing"), "environment.tier: missing"),
        (Problem((), MISSING, "expected UTF-8 text"), "expected UTF-8 text"),
        (
            Problem((), AsWritten("9 bytes"), "expected at most 8 bytes"),
            "the file = 9 bytes: expected at most 8 bytes",
        ),
        (
            Problem(("memory",), AsWritten("1 MB available"), "expected 2 MB", "stop other programs"),
            "memory = 1 MB available: expected 2 MB. stop other programs",
        ),
        (Problem(("a",), {"b": 1}, "expected text"), "a = a mapping: expected text"),
        (Problem(("a",), None, "expected text"), "a = null: expected text"),
        (Problem(("a",), True, "expected text"), "a = true: expected text"),
        (Problem(("a",), "x\ny", "expected one line"), "a = 'x\\ny': expected one line"),
    ],
)
def test_a_problem_in_words(problem: Problem, told: str) -> None:
    assert str(problem) == told


def test_a_long_value_is_cut() -> None:
    assert len(Problem(("a",), "x" * 200, "expected less").shown) == 80


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ((), ""),
        (("services", 0, "run", "calls", 1), "services[0].run.calls[1]"),
        (("config", "obs:spec"), "config.obs:spec"),
        (("logging", "enrichment", "host.name"), "logging.enrichment.'host.name'"),
    ],
)
def test_a_path_in_words(path: KeyPath, told: str) -> None:
    assert written(path) == told


def test_what_is_refused_tells_every_problem() -> None:
    problems = [Problem(("a",), 1, "expected 2"), Problem(("b",), 3, "expected 4")]

    refused = Refused(problems)

    assert str(refused) == "a = 1: expected 2\nb = 3: expected 4"
    assert refused.problems == problems


def test_an_obstacle_says_what_is_there_what_is_needed_and_what_to_do() -> None:
    obstacle = Obstacle((AsWritten("state folder"),), AsWritten("x" * 90), "expected y", "set z")

    assert str(obstacle) == f"state folder: {'x' * 90}; expected y. set z"
