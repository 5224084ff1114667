"""AWS's answers as they come over the wire, for what moto does not have or would not say: botocore reads them
as it reads the real ones, and retries where it would."""

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSResponse

from aws.account.ask import Asking
from aws.parts import AwsPlan

Answer = tuple[int, str] | Callable[[Any], tuple[int, str] | None] | dict[str, Any]
"""Status and body; or what makes them of a request, None for what moto shall answer; or, where that is
tedious to write, what botocore reads of it."""


class _Raw(BytesIO):
    def stream(self, **_: Any) -> Any:
        """The body in one piece."""
        yield self.read()


def xml(code: str, message: str = "told by AWS") -> str:
    """An error of a service that speaks the query protocol."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<ErrorResponse>{error}<RequestId>4c1b2f</RequestId></ErrorResponse>"


def refused(code: str, message: str = "told by AWS") -> tuple[int, str]:
    """An error of a service that speaks JSON."""
    return 400, json.dumps({"__type": code, "message": message})


def said(**body: Any) -> tuple[int, str]:
    """An answer of such a service."""
    return 200, json.dumps(body)


def bounds(**of: float) -> Callable[[Any], tuple[int, str] | None]:
    """An answer to GetServiceQuota: bounds by service; of others plenty, but for what moto knows."""

    def answer(request: Any) -> tuple[int, str] | None:
        asked = json.loads(request.body)
        if asked["ServiceCode"] == "vpc":
            return None
        return said(Quota={"Value": of.get(asked["ServiceCode"], 5000.0), **asked})

    return answer


class Answering(Asking):
    """Asks moto, but for what is answered here, as `{"sts.GetCallerIdentity": (403, "...")}`."""

    def __init__(
        self, plan: AwsPlan, answers: Mapping[str, Answer], *, deadline: float = 300, session: Any = None
    ) -> None:
        """A session that several share is quicker: it has read the models."""
        super().__init__(plan.region, dict(plan.endpoints), deadline, session)
        self._answers = answers
        self.asked: list[str] = []
        """What was answered here."""

    def client(self, service: str, region: str = "") -> Any:
        """One that asks here first; made once, so it is told once."""
        known = (service, region or self.region) in self._clients
        client = super().client(service, region)
        if not known:
            for operation, given in self._answers.items():
                at = "before-call" if isinstance(given, dict) else "before-send"
                client.meta.events.register_first(f"{at}.{operation}", self._answer(operation, given))
        return client

    def _answer(self, operation: str, given: Answer) -> Callable[..., Any]:
        def answer(request: Any = None, **_: Any) -> Any:
            told = given(request) if callable(given) else given
            if told is None:
                return None
            self.asked.append(operation)
            if isinstance(told, dict):
                return AWSResponse("", 200, {}, _Raw()), told
            return AWSResponse(request.url, told[0], {}, _Raw(told[1].encode()))

        return answer
