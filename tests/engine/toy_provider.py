"""A dynamic provider of which each answer is known."""

import subprocess
from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)


class ToyProvider(ResourceProvider):
    """Says yes to what it is asked; `wrong`, `gone` and `child` are odd on purpose."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        failures = [CheckFailure("wrong", "expected none")] if "wrong" in news else []
        return CheckResult({**news, "seen": "true"}, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        if "unsure" in news:
            return DiffResult()
        return DiffResult(changes=olds != news, replaces=["name"], delete_before_replace=True)

    def create(self, props: dict[str, Any]) -> CreateResult:
        if "child" in props:
            subprocess.run(["sleep", "600"], check=True)
        return CreateResult("toy", {**props, "made": [1, 2.5, True, None]})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        if "gone" in props:
            return ReadResult("", {})
        return ReadResult(
            id_, {**props, "found": {"a": "b"}}, {"name": "as found"} if "drift" in props else None
        )

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult({**olds, **news})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        if "wrong" in props:
            raise ValueError("it stays")
