"""Questions to AWS end, one does not harm the others, and what is said of an error holds no secret."""

import subprocess
import sys
import threading

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
)

from aws.account import ask
from aws.account.ask import Asking, Late, at_once, trouble


def _denied() -> int:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "secret"}}, "GetRole")


def test_a_question_without_an_answer_keeps_nobody_waiting() -> None:
    never = threading.Event()
    found = at_once({"hangs": never.wait, "answers": lambda: True}, 1)
    never.set()
    assert isinstance(found["hangs"], Late)
    assert found["answers"] is True


def test_more_questions_than_threads_are_all_asked() -> None:
    calls = {number: (lambda number=number: number * 2) for number in range(100)}
    assert at_once(calls, 300) == {number: number * 2 for number in range(100)}
    assert at_once({}, 300) == {}


def test_an_error_of_aws_is_an_answer_and_a_mistake_of_ours_is_none() -> None:
    found = at_once({"a": _denied, "b": lambda: 1}, 300)
    assert isinstance(found["a"], ClientError)
    assert found["b"] == 1
    with pytest.raises(ZeroDivisionError):
        at_once({"a": lambda: 1 // 0}, 300)


def test_each_call_is_bounded() -> None:
    config = Asking("eu-central-1", {}).client("sts").meta.config
    assert (config.connect_timeout, config.read_timeout) == (ask.CONNECT, ask.READ)
    assert config.retries["total_max_attempts"] == ask.ATTEMPTS


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            EndpointConnectionError(endpoint_url="https://user:pw@sts.eu-central-1.amazonaws.com/x?y=1"),
            "away",
            "sts.eu-central-1.amazonaws.com does not answer (EndpointConnectionError)",
        ),
        (
            ConnectTimeoutError(endpoint_url="https://sts.amazonaws.com"),
            "away",
            "sts.amazonaws.com does not answer (ConnectTimeoutError)",
        ),
        (
            CredentialRetrievalError(provider="custom-process", error_msg="password is hunter2"),
            "none",
            "what is configured to bring them failed",
        ),
        (
            ClientError({"Error": {"Code": "Odd", "Message": "AKIAXXXXXXXX"}}, "GetRole"),
            "other",
            "Odd",
        ),
    ],
)
def test_words_for_an_error_hold_no_secret(error: Exception, kind: str, words: str) -> None:
    assert trouble(error) == ask.Trouble(kind, words)


def test_nobody_pays_for_boto3_who_does_not_go_to_aws() -> None:
    code = (
        "import sys, aws.target, aws.account.preflight, obs.preflight, targets\n"
        "print([name for name in ('boto3', 'botocore') if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert said.stdout.strip() == "[]"
