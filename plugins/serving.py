"""Serves the two hosts: as programs that the engine starts, or inside a process that starts the engine.

As programs they are called `pulumi-language-python [flags] ENGINE_ADDRESS` and
`pulumi-resource-pulumi-python [flags] ENGINE_ADDRESS`; the engine reads the port from the first line of their
standard output. It starts each of them twice in a run, and each start imports everything anew. A process that
starts the engine may serve both itself: the engine's own variables tell it where.
"""

import os
import signal
import sys
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc  # type: ignore[import-untyped]
import psutil
from pulumi.runtime.proto import language_pb2_grpc, provider_pb2_grpc

from plugins.language_host import LanguageHost
from plugins.provider_host import PARALLEL, ProviderHost

MAX_MESSAGE_BYTES = 400 * 1024 * 1024
"""As the engine's own limit: one registration carries all files of a unit."""
ATTACHED = {"PULUMI_DEBUG_LANGUAGES": "python", "PULUMI_DEBUG_PROVIDERS": "pulumi-python"}
"""The engine's variables that name hosts which are there already, and the names of ours in them."""


def _pool() -> futures.ThreadPoolExecutor:
    return futures.ThreadPoolExecutor(PARALLEL + 1)  # a run of the program takes one to its end


def _server(pool: futures.Executor, *hosts: LanguageHost | ProviderHost) -> tuple[grpc.Server, int]:
    """A server on a free port of loopback, started; and the port."""
    server = grpc.server(
        pool,
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ],
    )
    for host in hosts:
        if isinstance(host, LanguageHost):
            language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
        else:
            provider_pb2_grpc.add_ResourceProviderServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def serve(host: LanguageHost | ProviderHost) -> None:
    """Serve until the engine ends us or ends. The hosts have nothing to save, so stopping is exiting."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: os._exit(0))
    server, port = _server(_pool(), host)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


@contextmanager
def attached() -> Iterator[dict[str, str]]:
    """Serve both hosts in this process while inside; gives the variables for the engine that is started.

    A run of the program that has not ended by then is given up, and what providers have started and not
    finished is killed, as if their host had ended."""
    language, provider = LanguageHost(), ProviderHost()
    pool = _pool()
    server, port = _server(pool, language, provider)
    try:
        yield {
            variable: ",".join(filter(None, (f"{name}:{port}", os.environ.get(variable))))
            for variable, name in ATTACHED.items()
        }
    finally:
        server.stop(None)
        language.stop()
        if provider.changing:
            for child in psutil.Process().children():
                child.kill()
        pool.shutdown()
