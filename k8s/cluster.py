"""One way to ask a cluster: JSON in, JSON out, over the official client, which reads every kubeconfig.

Every call ends by itself: a cluster that does not answer is said so within seconds.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException
from yaml import YAMLError

from components.errors import SuiteError
from k8s.parts import Cluster as Where

CONNECT_S, ANSWER_S = 5.0, 20.0
STATUS = {
    401: "it does not know who asks: log in anew, or name another context",
    403: "the context's user may not do that: ask for a role that may",
}


class Unreachable(SuiteError):
    """The cluster cannot be asked at all."""


class Refused(SuiteError):
    """The cluster answered, with an error. `status` is that of HTTP."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Api:
    """A cluster, by the context of its kubeconfig: a file, or `given`. Unreachable if the file or the context
    is not there."""

    def __init__(self, where: Where, given: dict[str, Any] | None = None) -> None:
        self.where = where
        settings = client.Configuration()
        settings.retries = urllib3.Retry(0)  # it would try thrice, a minute in all
        with _heard() as complaints:
            try:
                _load(where, given, settings)
            except (
                ConfigException,
                YAMLError,
                OSError,
                ValueError,
                LookupError,
                TypeError,
                AttributeError,
            ) as error:
                complaints.append(f"{type(error).__name__}: {error}")
        if complaints:
            raise Unreachable(
                f"kubernetes.context: '{where.context}' of {where.kubeconfig or 'the kubeconfig'}: "
                f"{complaints[0].splitlines()[0]}. Expected a context with which `kubectl --context "
                f"{where.context} get ns` works; `kubectl config get-contexts` lists them"
            )
        if not settings.verify_ssl:  # as the kubeconfig says; no need to say it at every call
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._client = client.ApiClient(settings)

    def get(self, path: str, **query: str) -> Any:
        """What GET answers. Refused if that is an error."""
        return self._json("GET", path, query)

    def find(self, path: str, **query: str) -> Any | None:
        """What GET answers; None if there is no such thing."""
        try:
            return self._json("GET", path, query)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """What POST answers."""
        return self._json("POST", path, {}, body)

    def delete(self, path: str) -> None:
        """Away with it; well if it is gone already."""
        try:
            self._json("DELETE", path, {})
        except Refused as error:
            if error.status != 404:
                raise

    def forward(self, namespace: str, pod: str, port: int) -> Any:
        """A WebSocket to a port of a pod, as `kubectl port-forward` opens one."""
        from kubernetes.stream.ws_client import create_websocket, get_websocket_url
        from websocket import WebSocketBadStatusException, WebSocketException

        settings, headers = self._client.configuration, dict[str, str]()
        self._client.update_params_for_auth(headers, [], ["BearerToken"])
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
        try:
            url = get_websocket_url(f"{settings.host}{path}", [("ports", str(port))])
            return create_websocket(settings, url, headers)
        except WebSocketBadStatusException as error:
            what = STATUS.get(error.status_code, "is the pod gone?")
            raise Refused(f"{self._who}: {path}: {error.status_code}; {what}", error.status_code) from None
        except (WebSocketException, OSError, ValueError) as error:
            raise Unreachable(f"{self._who} does not answer: {_reason(error)}") from None

    def lines(self, path: str, **query: str) -> Iterator[str]:
        """An answer line by line as it comes, without an end where the cluster has none (`follow`)."""
        endless = query.get("follow") == "true"
        answer = self._call("GET", path, query, None, None if endless else ANSWER_S)
        with closing(answer):
            rest = b""
            try:
                for piece in answer.stream(65536, decode_content=True):
                    *whole, rest = (rest + piece).split(b"\n")
                    yield from (line.decode("utf-8", "replace") for line in whole)
            except urllib3.exceptions.HTTPError:
                return  # the pod ended, or its node went away
            if rest:
                yield rest.decode("utf-8", "replace")

    def _json(self, method: str, path: str, query: dict[str, str], body: dict[str, Any] | None = None) -> Any:
        answer = self._call(method, path, query, body, ANSWER_S)
        with closing(answer):
            text = answer.data
        try:
            return json.loads(text)
        except ValueError:
            raise Unreachable(
                f"{self._who}: answered no JSON to {path}; is it a cluster's address?"
            ) from None

    def _call(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: dict[str, Any] | None,
        seconds: float | None,
    ) -> Any:
        try:
            return self._client.call_api(
                path,
                method,
                query_params=list(query.items()),
                header_params={"Accept": "application/json", "Content-Type": "application/json"},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=(CONNECT_S, seconds),
            )
        except client.ApiException as error:
            raise Refused(f"{self._who}: {path}: {_said(error)}", error.status or 0) from None
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Unreachable(f"{self._who} does not answer: {_reason(error)}") from None

    @property
    def _who(self) -> str:
        return f"cluster of context '{self.where.context}'"


def _load(where: Where, given: dict[str, Any] | None, settings: client.Configuration) -> None:
    """Who asks whom, into the client's settings; nothing is written back."""
    if given is not None:
        config.load_kube_config_from_dict(
            given, context=where.context, client_configuration=settings, persist_config=False
        )
        return
    config.load_kube_config(
        config_file=str(Path(where.kubeconfig).expanduser()) if where.kubeconfig else None,
        context=where.context,
        client_configuration=settings,
        persist_config=False,
    )


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What the client logs instead of raising: a program that logs in and is not there, say. It would go on
    as nobody."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    root, listener = logging.getLogger(), Listener(logging.ERROR)
    before = root.handlers[:]
    root.handlers[:] = [listener]
    try:
        yield said
    finally:
        root.handlers[:] = before


def _said(error: client.ApiException) -> str:
    try:
        text = str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        text = str(error.reason or "no reason")
    what = STATUS.get(error.status or 0)
    return f"{error.status} {text[:300]}{f'; {what}' if what else ''}"


def _reason(error: BaseException) -> str:
    """In a line, without the objects' addresses that urllib3 puts into its texts."""
    inner = getattr(error, "reason", None) or error
    text = str(inner).rpartition(": ")[2] if isinstance(inner, urllib3.exceptions.HTTPError) else str(inner)
    return text.strip()[:200] or type(inner).__name__
