"""No test of AWS can reach the real one: the credentials are none."""

from collections.abc import Iterator
from typing import Any

import pytest

from aws.parts import AwsPlan
from aws.plan import plan
from tests.aws.account import by_itself, spec, without_account


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    without_account(monkeypatch)


@pytest.fixture(scope="package")
def planned() -> AwsPlan:
    """The shop, with everything that is asked for by a setting."""
    return plan(spec(aws={"archive": {"lock": "compliance"}}), "prod-aws")


@pytest.fixture(scope="package")
def made(planned: AwsPlan) -> Iterator[dict[str, Any]]:
    """That plan in an account of moto's: what each resource was given, by its name."""
    with by_itself(planned) as resources:
        yield resources
