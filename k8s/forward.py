"""Ways from this machine to the ports of pods, as `kubectl port-forward` makes them: over the cluster's own
interface, with the rights of the context's user, whatever network the pods are in.

Each address of the cluster that is asked for gets a port on loopback. A connection to it is one to a pod that
is ready at that moment, so that a pod that was replaced is replaced here too.
"""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any

from websocket import ABNF, WebSocketException

from components.errors import SuiteError
from k8s.cluster import Api
from k8s.running import Json

POD = "pod/"
"""What an address of one pod begins with, in place of the name of a Service."""
_PIECE = 65536


class Forwards:
    """Those to one namespace. Called with an address of a site, gives the one on this machine."""

    def __init__(self, api: Callable[[], Api], namespace: str) -> None:
        self._api = api
        self._namespace = namespace
        self._lock = threading.Lock()
        self._listening: dict[str, str] = {}
        self._pods: dict[str, tuple[str, int]] = {}
        self._troubles: dict[str, str] = {}

    def __call__(self, address: str) -> str:
        """Where this machine reaches `SERVICE.NAMESPACE.svc:PORT`, or `pod/NAME:PORT`."""
        with self._lock:
            if address not in self._listening:
                listening = socket.create_server(("127.0.0.1", 0))
                threading.Thread(target=self._serve, args=(address, listening), daemon=True).start()
                self._listening[address] = f"127.0.0.1:{listening.getsockname()[1]}"
            return self._listening[address]

    def why(self, address: str) -> str:
        """Why the last connection did not get through; '' if it did."""
        return self._troubles.get(address, "")

    def pods(self, address: str) -> list[tuple[str, int]]:
        """Each pod behind an address that is ready, with its port. SuiteError if the cluster does not say."""
        host, _, port = address.rpartition(":")
        if host.startswith(POD):
            return [(host.removeprefix(POD), int(port))]
        here, name = f"/api/v1/namespaces/{self._namespace}", host.partition(".")[0]
        service = self._api().get(f"{here}/services/{name}")["spec"]
        selector = ",".join(f"{key}={value}" for key, value in sorted(service.get("selector", {}).items()))
        target = next(
            (one.get("targetPort", one["port"]) for one in service["ports"] if one["port"] == int(port)), None
        )
        if not selector or target is None:
            raise SuiteError(f"Service {name} of namespace {self._namespace} leads port {port} to no pod")
        found = self._api().get(f"{here}/pods", labelSelector=selector)["items"]
        return sorted((pod["metadata"]["name"], _port(pod, target)) for pod in found if _ready(pod))

    def _serve(self, address: str, listening: socket.socket) -> None:
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=self._connect, args=(address, connection), daemon=True).start()

    def _connect(self, address: str, connection: socket.socket) -> None:
        with connection:
            try:
                pod = self._open(address)
            except SuiteError as error:
                self._troubles[address] = str(error)
                return
            self._troubles[address] = carry(connection, pod)
            if self._troubles[address]:
                self._pods.pop(address, None)

    def _open(self, address: str) -> Any:
        """A connection to the pod of the one before, so that replicas do not answer in turns; to another
        where that is gone."""
        known = self._pods.get(address)
        if known:
            with contextlib.suppress(SuiteError):
                return self._api().forward(self._namespace, *known)
        ready = self.pods(address)
        if not ready:
            self._pods.pop(address, None)
            raise SuiteError(f"no pod behind {address} is ready")
        self._pods[address] = ready[0]
        return self._api().forward(self._namespace, *ready[0])


def carry(connection: socket.socket, pod: Any) -> str:
    """Carry what comes to either side to the other, until one has ended; what went wrong in the pod, if
    anything did. One thread does both, since TLS may not be read and written at once."""
    said: dict[int, bytes] = {}
    begun: set[int] = set()
    stream = pod.sock
    with selectors.DefaultSelector() as ways, contextlib.suppress(OSError, WebSocketException):
        ways.register(connection, selectors.EVENT_READ)
        ways.register(stream, selectors.EVENT_READ)
        while True:
            came = [key.fileobj for key, _ in ways.select()]
            if connection in came:
                piece = connection.recv(_PIECE)
                if not piece:
                    break
                pod.send_binary(b"\0" + piece)
            while stream in came:
                opcode, frame = pod.recv_data()
                if opcode == ABNF.OPCODE_CLOSE:
                    return _words(said)
                channel, text = frame[0], frame[1:]
                if channel not in begun:  # the first frame of each names the port
                    begun.add(channel)
                elif channel == 0:
                    connection.sendall(text)
                else:
                    said[channel] = said.get(channel, b"") + text
                if not getattr(stream, "pending", int)():
                    break
    with contextlib.suppress(OSError, WebSocketException):
        pod.shutdown()
    return _words(said)


def _words(said: dict[int, bytes]) -> str:
    return b" ".join(said.values()).decode("utf-8", "replace").strip()


def _port(pod: Json, target: int | str) -> int:
    """A port, which a Service may call by the name that a container gives it."""
    if isinstance(target, int) or target.isdigit():
        return int(target)
    ports = (port for box in pod["spec"]["containers"] for port in box.get("ports", ()))
    found = next((int(port["containerPort"]) for port in ports if port.get("name") == target), None)
    if found is None:
        raise SuiteError(f"pod {pod['metadata']['name']} has no port {target!r}")
    return found


def _ready(pod: Json) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")
