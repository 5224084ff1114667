"""`obs status` of an account with nothing of the stack. A file of its own: the other one keeps an account."""

import boto3
from moto import mock_aws

from aws.account.ask import Asking
from aws.account.status import status
from aws.plan import plan
from tests.aws.account import REGION, spec


def test_an_account_with_nothing_says_what_is_missing() -> None:
    stack = plan(spec(), "prod-aws")
    with mock_aws():
        rows = status(stack, Asking(REGION, {}, session=boto3.session.Session()))
    assert {row.unit: row.state for row in rows} == {item.id: "missing" for item in stack.parts}
    assert rows[0].what_to_do == "make what is missing: obs up prod-aws"
    assert (
        "not there: alarm obs-local-store-red, alarm"
        in {row.unit: row for row in rows}[f"watch@{REGION}"].silence
    )
