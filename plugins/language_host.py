# ruff: noqa: ARG002 - the service's methods all take a request and a context
"""A language host for Python programs: the small part of Pulumi's own that this project needs.

The engine calls the `LanguageRuntime` service (`plugins/serving.py`). It reports no plugins to be
installed, so the engine asks no download site for any. It uses only public modules of the SDK
(`pulumi.runtime`, `pulumi.runtime.proto`). Why it exists: docs/adr/0005-language-host.md.
"""

import asyncio
import contextvars
import importlib.metadata
import os
import runpy
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc  # type: ignore[import-untyped]
from pulumi import RunError, log
from pulumi.runtime import reset_options, run_in_stack, set_all_config, settings
from pulumi.runtime.proto import (
    LanguageRuntimeServicer,
    engine_pb2,
    language_pb2,
    plugin_pb2,
)

THREADS_PER_PARALLEL = 4


class LanguageHost(LanguageRuntimeServicer):
    """Serves one engine process: one preview, one update, or a preview followed by an update."""

    def __init__(self, engine_address: str = "") -> None:
        self.engine_address = engine_address
        """Where messages go; of a host that the engine did not start, it comes with the handshake."""
        self.own_process = bool(engine_address)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False

    def Handshake(self, request: Any, context: Any) -> language_pb2.LanguageHandshakeResponse:
        self.engine_address = request.engine_address or self.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: Any) -> language_pb2.GetRequiredPackagesResponse:
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> language_pb2.GetRequiredPluginsResponse:
        return language_pb2.GetRequiredPluginsResponse()

    def GetProgramDependencies(
        self, request: Any, context: Any
    ) -> language_pb2.GetProgramDependenciesResponse:
        found = sorted(
            (distribution.metadata["Name"], distribution.version)
            for distribution in importlib.metadata.distributions()
        )
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in found]
        )

    def InstallDependencies(
        self, request: Any, context: Any
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        yield language_pb2.InstallDependenciesResponse(
            stdout=b"Dependencies come from requirements/ (make setup); nothing is installed here.\n"
        )

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> language_pb2.RuntimeOptionsResponse:
        return language_pb2.RuntimeOptionsResponse()

    def About(self, request: Any, context: Any) -> language_pb2.AboutResponse:
        return language_pb2.AboutResponse(
            executable=sys.executable, version=".".join(str(part) for part in sys.version_info[:3])
        )

    def Run(self, request: Any, context: Any) -> language_pb2.RunResponse:
        """Run the program once. A copied context keeps one run's SDK settings from the next."""
        return contextvars.copy_context().run(self._run, request)

    def _run(self, request: Any) -> language_pb2.RunResponse:
        folder = request.info.program_directory or request.pwd
        program = os.path.normpath(os.path.join(folder, request.info.entry_point or "."))
        if folder not in sys.path:
            sys.path.insert(0, folder)
        if request.pwd and self.own_process:
            os.chdir(request.pwd)
        reset_options(
            project=request.project,
            stack=request.stack,
            root_directory=request.info.root_directory or folder,
            parallel=request.parallel,
            engine_address=self.engine_address,
            monitor_address=request.monitor_address,
            preview=request.dryRun,
            organization=request.organization or "organization",
        )
        if not self.own_process:
            settings.SETTINGS.engine = _WithoutDebug(settings.SETTINGS.engine)
        set_all_config(dict(request.config), list(request.configSecretKeys))
        loop = asyncio.new_event_loop()
        workers = max(request.parallel, 1) * THREADS_PER_PARALLEL
        loop.set_default_executor(futures.ThreadPoolExecutor(min(workers, 64)))
        loop.set_exception_handler(lambda *_: None)  # what goes wrong in a task fails the run below
        try:
            with self._lock:
                if self._stopped:
                    return language_pb2.RunResponse(bail=True)
                self._loop = loop
            loop.run_until_complete(run_in_stack(lambda: _execute(program)))
        except RunError as error:
            return _failed(str(error))
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:  # the engine is shutting down and says why itself
                return language_pb2.RunResponse(bail=True)
            return _failed(f"the engine refused a call: {error.details()}")
        except SystemExit as error:
            return language_pb2.RunResponse(bail=True) if error.code else language_pb2.RunResponse()
        except BaseException as error:
            if self._stopped:
                return language_pb2.RunResponse(bail=True)
            return _failed(f"{type(error).__name__}: {error}\n{_own_frames(error)}")
        finally:
            with self._lock:
                self._loop = None
            _close(loop)
        return language_pb2.RunResponse()

    def stop(self) -> None:
        """Give up a run of the program whose engine has ended: the SDK would wait for answers for ever."""
        with self._lock:
            self._stopped = True
            if self._loop:
                self._loop.call_soon_threadsafe(self._loop.stop)


class _WithoutDebug:
    """The engine, spared what the SDK tells its own developers: some five calls for each resource, and the
    program waits for each. Where whoever serves us starts the engine, nobody can ask to see them."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def Log(self, request: Any) -> Any:
        """Pass a message on, unless it is one of those."""
        return None if request.severity == engine_pb2.DEBUG else self._engine.Log(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def _execute(program: str) -> None:
    """Execute a file, or the `__main__.py` of a folder, as `__main__`."""
    path = os.path.join(program, "__main__.py") if os.path.isdir(program) else program
    if not os.path.exists(path):
        raise RunError(f"no program at {path}")
    runpy.run_path(path, run_name="__main__")


def _failed(message: str) -> language_pb2.RunResponse:
    """Show a message as the program's error; `bail` keeps the engine from adding one of its own."""
    log.error(message)
    return language_pb2.RunResponse(bail=True)


def _own_frames(error: BaseException) -> str:
    """The traceback without the frames of this host and of the SDK that called the program."""
    frames = traceback.extract_tb(error.__traceback__)
    first = next((i for i, frame in enumerate(frames) if frame.filename.endswith("__main__.py")), 0)
    return "".join(traceback.format_list(frames[first:])).rstrip()


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what a failed program left unfinished, then close the loop."""

    async def cancel() -> None:
        pending = asyncio.all_tasks() - {asyncio.current_task()}
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    loop.run_until_complete(cancel())
    loop.close()
