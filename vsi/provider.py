"""Units as Pulumi resources: a dynamic provider that only translates.

One resource per unit and host, one top-level input per file, so that a preview names the files that
change. Everything else is a text, a list of texts or a map of texts: numbers would come back as floats. The
provider is pickled by reference and keeps no state; what it does is done by `python -m vsi.apply` in a
process of its own, because pyinfra keeps process-wide state and four calls come at once.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)
from pydantic import ValidationError

from components.errors import SuiteError
from vsi.drift import access_words, look_of, process_words
from vsi.errors import DeployError
from vsi.inputs import PROVIDER, files_of, inputs_of, request_of
from vsi.keys import file_key, secret_key
from vsi.machine import Machine, machine_of
from vsi.paths import RELATIVE, REPO, check_file_path, check_name
from vsi.reach import Facts, Look
from vsi.records import Applied, file_digests, foreign, record_in, secrets_off
from vsi.unit import HostPlan, HostUnit

_INHERITED = frozenset(
    (
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "TMPDIR",
        "TZ",
        "JAVA_HOME",
        "XDG_CACHE_HOME",
    )
)


class ApplyFailed(SuiteError):
    """What a user reads when a unit could not be put on its host."""


class UnitProvider(ResourceProvider):
    """Creates, changes, reads and removes units. Stateless: one instance serves all of them at once."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse what could not be carried out, before anything is changed."""
        _quiet()
        failures: list[CheckFailure] = []
        if not _unknown(news):
            try:
                request = request_of(news)
                check_name("unit", request.unit.name)
                for path, _ in request.unit.files:
                    check_file_path(request.unit.name, path)
            except (DeployError, ValidationError, KeyError, ValueError) as error:
                failures.append(CheckFailure("unit", _first_line(error)))
        return CheckResult(news, failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Anything that differs is an update in place. The old values are outputs: after a refresh, what
        was found on the host."""
        keys = (set(olds) | set(news)) - {PROVIDER}
        return DiffResult(changes=any(olds.get(key) != news.get(key) for key in keys), replaces=[])

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Put the unit on its host. Idempotent: an earlier create may have been interrupted."""
        _run("apply", props)
        return CreateResult(f"{props['stack']}/{props['host']}/{props['unit']}", _outputs(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """The same as create: what is there already is left alone."""
        _run("apply", news)
        return UpdateResult(_outputs(news))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Take the unit away; its data stays if the plan retains it."""
        _run("remove", props)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Compare with the host. What differs is returned in place of what was planned, so that a preview
        shows it and an update repairs it. Gone: an empty id."""
        _quiet()
        machine, name = machine_of(props["stack"], props["host"]), props["unit"]
        facts = machine.reach.look(look_of(machine, name) | _look_at_values(props))
        record = record_in(facts, name)
        if record is None and facts.get(str(RELATIVE.unit(name).conf)) is None:
            return ReadResult("", {})
        found = {key: value for key, value in props.items() if key != PROVIDER}
        _read_files(machine, facts, name, record, found)
        _read_secrets(facts, record, found)
        found["process_state"] = _process_state(machine, facts, name, record)
        planned = {key: value for key, value in props.items() if key != PROVIDER}
        return ReadResult(id_, found) if found == planned else ReadResult(id_, found, dict(found))


def _look_at_values(props: Mapping[str, Any]) -> Look:
    """The secrets whose values are known here, to be compared by digest."""
    names = [name for name in props["secrets"] if secret_key(name) in props]
    return Look(digest=tuple(str(RELATIVE.secrets / name) for name in names))


def _read_files(
    machine: Machine, facts: Facts, name: str, record: Applied | None, found: dict[str, Any]
) -> None:
    conf = str(RELATIVE.unit(name).conf)
    planned, present = files_of(found), facts.files(conf)
    differing = []
    for path, digest in file_digests(planned).items():
        if path not in present:
            del found[file_key(path)]
        elif present[path].digest != digest:
            differing.append(path)
    if differing:
        texts = machine.reach.look(Look(read=tuple(f"{conf}/{path}" for path in differing)))
        for path in differing:
            data = texts.data(f"{conf}/{path}")
            found[file_key(path)] = "cannot be read" if data is None else data.decode(errors="replace")
    managed = set(record.managed) if record else set()
    for path in {*foreign(planned, present), *(managed - set(planned)) & set(present)}:
        found[file_key(path)] = f"not planned, {present[path].size} bytes"


def _read_secrets(facts: Facts, record: Applied | None, found: dict[str, Any]) -> None:
    """Says that the file of a secret or a certificate is missing or differs, never what it holds."""
    secrets = dict(found["secrets"])
    for name, what in secrets_off(facts, list(secrets), record.started if record else None).items():
        secrets[name] = f"{what} on the host"
    for name in found["secrets"]:
        there, planned = facts.get(str(RELATIVE.secrets / name)), found.get(secret_key(name))
        if planned is None or there is None or not there.digest:
            continue
        if there.digest != file_digests({name: planned})[name]:
            secrets[name] = "changed on the host"
    found["secrets"] = secrets


def _process_state(machine: Machine, facts: Facts, name: str, record: Applied | None) -> str:
    words = process_words(machine.program(name))
    script, program = machine.keeper.files(name)
    if record is None or not record.complete:
        words = f"{words}, last apply did not finish"
    elif facts.digest(program) != record.program:
        words = f"{words}, supervisor's program file changed"
    elif facts.digest(script) != record.script:
        words = f"{words}, run script changed"
    elif opened := access_words(machine, facts, record):
        words = f"{words}, {opened}"
    return words


def _outputs(props: dict[str, Any]) -> dict[str, Any]:
    """All inputs under their own keys: only so the engine marks the outputs of secret inputs as secret."""
    return {key: value for key, value in props.items() if key != PROVIDER}


def _unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_unknown(item) for item in value)
    return bool(value == pulumi.runtime.rpc.UNKNOWN)


def _first_line(error: Exception) -> str:
    """One line without the input, which may hold a secret."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(error, KeyError):
        return f"input {error.args[0]!r} is missing"
    return str(error).splitlines()[0] if isinstance(error, DeployError) else type(error).__name__


def _run(action: str, props: dict[str, Any]) -> Any:
    """One `vsi.apply` that ends with us; returns its result. Raises ApplyFailed with its one message."""
    _quiet()
    try:
        request = request_of(props)
    except (ValidationError, KeyError, ValueError) as error:
        raise ApplyFailed(_first_line(error)) from None
    kept = {key: value for key, value in os.environ.items() if key in _INHERITED or key[:4] == "OBS_"}
    if "OBS_STATE_DIR" in kept:
        kept["OBS_STATE_DIR"] = os.path.abspath(kept["OBS_STATE_DIR"])
    done = subprocess.run(
        ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "vsi.apply", action],
        input=request.model_dump_json().encode(),
        capture_output=True,
        env=kept,
        cwd=REPO,
        start_new_session=True,  # Ctrl-C in a terminal is for what runs us
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        steps = done.stderr.decode(errors="replace").splitlines()[-1:]
        raise ApplyFailed(
            f"{request.unit.name}: vsi.apply ended with {done.returncode} at {steps or 'its start'}; "
            "run `obs up` again"
        ) from None
    if not answer["ok"]:
        raise ApplyFailed(f"{answer['unit']}: {answer['error']}") from None
    return answer["result"]


def _quiet() -> None:
    """The plugin's gRPC server would log a traceback beside the message that the user gets anyway."""
    logging.getLogger("grpc._server").setLevel(logging.CRITICAL + 1)


class Unit(Resource, module="vsi", name="Unit"):
    """A unit on a host. `values` are the values of its secrets that are not generated there, by name."""

    def __init__(
        self,
        plan: HostPlan,
        unit: HostUnit,
        engines: Mapping[str, str],
        values: Mapping[str, pulumi.Input[str]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`engines` maps each engine of the unit to a text naming its artifact."""
        props = inputs_of(plan, unit, engines)
        for key, value in (values or {}).items():
            if key in unit.secrets:
                props[secret_key(key)] = pulumi.Output.secret(value)
        super().__init__(UnitProvider(), unit.id, props, opts)
