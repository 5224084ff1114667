"""No test of AWS can reach the real one: the credentials are none."""

from collections.abc import Iterator
from typing import Any

import pytest

from aws.parts import AwsPlan
from aws.plan import plan
from tests.aws.account import REGION, deployed, spec


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    _without_account(monkeypatch)


def _without_account(patch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        patch.setenv(name, "testing")
    patch.setenv("AWS_DEFAULT_REGION", REGION)
    patch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture(scope="package")
def planned() -> AwsPlan:
    """The shop, with everything that is asked for by a setting."""
    return plan(spec(aws={"archive": {"lock": "compliance"}}), "prod-aws")


@pytest.fixture(scope="package")
def made(planned: AwsPlan) -> Iterator[dict[str, Any]]:
    """That plan in an account of moto's: what each resource was given, by its name."""
    with pytest.MonkeyPatch.context() as patch:
        _without_account(patch)
        with deployed(planned) as resources:
            yield resources
