"""Accounts of moto of their own: `tests/aws` keeps one for all its tests. None can reach the real AWS."""

import pytest

from tests.aws.account import without_account


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    without_account(monkeypatch)
