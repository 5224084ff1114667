"""Questions to AWS: all at once, each for a bounded time, none of which harms the others.

What AWS answers is never shown as a whole: some of it would name keys. `Trouble` has the words for errors.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aws.parts import NOBODY, AwsPlan
from components.errors import SuiteError
from components.spec.aws import PARTITIONS

K = TypeVar("K")
V = TypeVar("V")

CONNECT, READ = 5, 15
"""Seconds to wait for a connection, and for an answer on it."""
ATTEMPTS = 2
DEADLINE = 60.0
"""Seconds for all questions together: whatever asks for a token, or hangs on a proxy, ends then."""
SLOW = 4
"""Times as long for a stand-in, which is one process, and reads a service's code when it is asked first."""
AT_ONCE = 16
GLOBAL = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
"""Partition -> the region that answers for what has none."""

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
UNKNOWN = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidToken",
    }
)
FORBIDDEN = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"),
        *("Forbidden", "403", "NotAuthorized", "UnauthorizedOperation", "KMSAccessDeniedException"),
    }
)


@dataclass(frozen=True)
class Trouble:
    """Why a question has no answer. `kind`: `none` (no credentials), `expired`, `unknown` (credentials that
    AWS does not know), `clock`, `forbidden`, `away` (nobody answers), or `other`."""

    kind: str
    words: str


class Late(Exception):
    """A question had no answer when the time was over."""


@dataclass
class Asking:
    """Where questions of one plan go: the account's region, and what stands in for a service there."""

    region: str
    endpoints: Mapping[str, str]
    deadline: float = DEADLINE
    session: Any = None
    """boto3's; without, one is made of what the AWS CLI would use."""
    read: int = READ
    """Seconds to wait for an answer."""
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _shared: dict[str, Any] = field(default_factory=dict)
    _sharing: threading.Lock = field(default_factory=threading.Lock)

    @staticmethod
    def of(plan: AwsPlan) -> "Asking":
        """Of a plan's account."""
        if plan.stand_in:
            return Asking(plan.region, dict(plan.endpoints), SLOW * DEADLINE, _nobody(), SLOW * READ)
        return Asking(plan.region, dict(plan.endpoints))

    @property
    def stand_in(self) -> bool:
        """Whether the account itself is one of a stand-in: then the real AWS is asked nothing."""
        return "sts" in self.endpoints

    def answers(self, service: str) -> bool:
        """Whether a service may be asked at all."""
        return not self.stand_in or service in self.endpoints

    @property
    def partition(self) -> str:
        """The region's."""
        return next(place[1] for place in PARTITIONS if self.region.startswith(place[0]))

    def client(self, service: str, region: str = "") -> Any:
        """boto3's client of a service, in the plan's region; errors of botocore's if credentials are in
        disorder. A client may be used by several threads, but not be made by two."""
        import boto3
        from botocore.config import Config

        place = (service, region or self.region)
        with self._turn:
            if place not in self._clients:
                config = Config(
                    connect_timeout=CONNECT,
                    read_timeout=self.read,
                    retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                    max_pool_connections=AT_ONCE,
                )
                if self.session is None:
                    self.session = boto3.session.Session()
                self._clients[place] = self.session.client(
                    service, region_name=place[1], endpoint_url=self.endpoints.get(service), config=config
                )
            return self._clients[place]

    def once(self, what: str, ask: Callable[[], V]) -> V:
        """The answer to what several questions begin with: the first that comes asks, the others wait for it.
        An error is the answer of all: nobody waits a second time for what does not answer."""
        with self._sharing:
            if what not in self._shared:
                try:
                    self._shared[what] = ask()
                except Exception as error:
                    self._shared[what] = error
            found = self._shared[what]
        if isinstance(found, Exception):
            raise found
        answer: V = found
        return answer

    def everywhere(self, service: str) -> Any:
        """The client of a service without regions."""
        return self.client(service, GLOBAL[self.partition])


def _nobody() -> Any:
    """boto3's session with credentials that AWS does not know."""
    import boto3

    return boto3.session.Session(aws_access_key_id=NOBODY, aws_secret_access_key=NOBODY)


def at_once(calls: Mapping[K, Callable[[], V]], seconds: float = DEADLINE) -> dict[K, V | Exception]:
    """The answer to each call, or the error of boto3's that came in its place; `Late` for those that had none
    in time, which keep nobody from leaving. Any other error is raised."""
    from botocore.exceptions import BotoCoreError, ClientError

    waiting, found = list(calls.items())[::-1], dict[K, V | Exception]()
    broken: list[Exception] = []
    changed = threading.Condition()

    def work() -> None:
        while True:
            with changed:
                if not waiting or broken:
                    return
                key, call = waiting.pop()
            answer: V | Exception
            try:
                answer = call()
            except (BotoCoreError, ClientError) as error:
                answer = error
            except Exception as error:  # a mistake of ours: shown by whoever waits
                with changed:
                    broken.append(error)
                    changed.notify_all()
                return
            with changed:
                found[key] = answer
                changed.notify_all()

    for _ in range(min(AT_ONCE, len(calls))):
        threading.Thread(target=work, daemon=True).start()
    end = time.monotonic() + seconds
    with changed:
        changed.wait_for(lambda: broken or len(found) == len(calls), end - time.monotonic())
        if broken:
            raise broken[0]
        waiting.clear()
        return {key: found.get(key, Late(f"no answer within {seconds:g} s")) for key in calls}


def code(error: Exception) -> str:
    """The code of an error of AWS; '' for any other."""
    answer = getattr(error, "response", None)
    return str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, dict) else ""


def missing(error: Exception, *codes: str) -> bool:
    """Whether AWS says that there is no such thing."""
    return code(error) in codes


def trouble(error: Exception) -> Trouble:
    """What an error means, in words that hold no secret."""
    from botocore import exceptions as known

    if isinstance(error, known.NoCredentialsError | known.PartialCredentialsError | known.NoAuthTokenError):
        return Trouble("none", "none found" if isinstance(error, known.NoCredentialsError) else "incomplete")
    if isinstance(error, known.ProfileNotFound):
        return Trouble("none", "the profile that AWS_PROFILE names is not configured")
    if isinstance(error, known.SSOError | known.TokenRetrievalError | known.LoginError):
        return Trouble("expired", "the login is over, or there was none")
    if isinstance(error, known.CredentialRetrievalError):
        return Trouble("none", "what is configured to bring them failed")  # with words of its own
    if isinstance(error, Late):
        return Trouble("away", str(error))
    if isinstance(error, known.HTTPClientError | known.ConnectionError):
        url = str(getattr(error, "kwargs", {}).get("endpoint_url") or "")
        host = re.sub(r"^(https?://)(?:[^/@]*@)?([^/?]+).*", r"\2", url)
        return Trouble("away", f"{host or 'AWS'} does not answer ({type(error).__name__})")
    return _answered(error)


def _answered(error: Exception) -> Trouble:
    """Of an answer of AWS. Messages are shown of those alone that are known to hold names at most."""
    found = code(error)
    if found in EXPIRED:
        return Trouble("expired", f"expired ({found})")
    if found in UNKNOWN:
        return Trouble("unknown", f"not known to AWS ({found})")
    if found in ("SignatureDoesNotMatch", "InvalidSignatureException"):
        return Trouble("clock", f"their signature is not accepted ({found})")
    if found in FORBIDDEN:
        return Trouble("forbidden", f"not allowed ({found})")
    return Trouble("other", found or type(error).__name__)


def all_known(
    asking: Asking, calls: Mapping[str, Callable[[], V]], what: str, otherwise: str
) -> dict[str, V]:
    """The answer to each call, where a program cannot go on without all of them: SuiteError that says what is
    not known (`{}` stands for the call's name), and what could happen then."""
    found = dict[str, V]()
    for name, answer in at_once(calls, asking.deadline).items():
        if isinstance(answer, Exception):
            raise SuiteError(
                f"{what.format(name)} is not known: {trouble(answer).words}; without that, {otherwise}. "
                "What to do: obs preflight"
            )
        found[name] = answer
    return found
