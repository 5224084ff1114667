"""A host made ready for the units of a stack: asked first, changed only if nothing stands in the way.

Interrupted anywhere, the next run converges: what is there is found by the same survey that found it absent.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vsi.errors import DeployError
from vsi.reach import Report
from vsi.servers import certificates, engines_copy
from vsi.servers.authority import Authority, begins
from vsi.servers.engines_copy import Engine
from vsi.servers.shell import Shell, carried_out, quoted
from vsi.servers.survey import Survey, Where, obstacles, read, script

Clock = Callable[[], float]


@dataclass(frozen=True)
class Wanted:
    """What a host shall have."""

    host: str
    where: Where
    platform: str
    engines: tuple[Engine, ...]
    certificates: Mapping[str, tuple[str, ...]]
    """Name -> names and addresses, beside those that each has."""
    authority: Authority = field(repr=False)
    plan_version: str = ""
    new: bool = False
    """Whether the state of the stack knows nothing of this host yet."""

    @property
    def keys(self) -> dict[str, str]:
        """Engine -> key."""
        return {engine.name: engine.key for engine in self.engines}

    def record(self) -> str:
        """What other stacks, and a removal, read of it."""
        text = {
            "stack": self.where.stack,
            "host": self.host,
            "engines": self.keys,
            "certificates": sorted(self.certificates),
            "plan_version": self.plan_version,
        }
        return json.dumps(text, sort_keys=True, indent=1) + "\n"


def survey_of(shell: Shell, host: str, where: Where) -> Survey:
    """What the host has, in one round trip."""
    return surveyed(host, carried_out(shell, host, "looking at the host", script(where)))


def surveyed(host: str, output: str) -> Survey:
    """What the host said of itself."""
    try:
        return read(output)
    except ValueError as error:
        raise DeployError(host, str(error)) from None


def prepare(wanted: Wanted, shell: Shell, report: Report, clock: Clock = time.time) -> bool:
    """Bring a host in line. Raises DeployError with all that stands in the way, before anything changes. True
    if the authority is another than before, so that nobody with an old certificate believes it."""
    begun = clock()
    survey = survey_of(shell, wanted.host, wanted.where)
    ended = clock()
    missing = engines_copy.to_copy(survey, wanted.engines)
    problems = obstacles(survey, wanted.platform, engines_copy.needed_mb(missing), (begun, ended))
    now = datetime.fromtimestamp(ended, UTC)
    if wanted.certificates and wanted.authority.ends - now < certificates.LEFT:
        problems.append(certificates.over(wanted.authority, now))
    if wanted.new and survey.record and survey.authority not in ("", wanted.authority.certificate):
        problems.append(of_another_state(wanted.where.stack, survey.authority))
    if problems:
        raise DeployError(wanted.host, "\n".join(["cannot be made ready:", *(f"  {it}" for it in problems)]))
    if survey.record != wanted.record():
        _put_record(wanted, shell)
    for engine in missing:
        engines_copy.copy(shell, wanted.host, wanted.where, engine, report)
    certificates.put(wanted, shell, survey, report, now)
    if old := engines_copy.superseded(survey, wanted.keys):
        steps = engines_copy.remove(wanted.where, old)
        for line in carried_out(shell, wanted.host, "removing old engines", steps).splitlines():
            report(f"removed {line.removeprefix('gone ')}")
    return survey.authority not in ("", wanted.authority.certificate)


def of_another_state(stack: str, authority: str) -> str:
    """What to do about a host that was made ready with keys that this state does not have: all programs would
    get other certificates and passwords, under whoever has them."""
    try:
        since = f", of {begins(authority):%Y-%m-%d},"
    except ValueError:
        since = ""
    return (
        f"the stack {stack} stands on it already, by an authority{since} that is not in this Pulumi state: "
        "it was brought up with another. Use that one (`pulumi login`, or PULUMI_BACKEND_URL). If it is lost "
        f"for good: `obs destroy {stack}` takes off what stands there, by what the hosts remember, and data "
        f"stays; then `obs up {stack}`"
    )


def _put_record(wanted: Wanted, shell: Shell) -> None:
    """Before what it names is there, so that no other stack takes it away in between."""
    where, path = wanted.where, quoted(wanted.where.record)
    steps = f"{certificates.private(where)}cat > {path}.new <<'EOF'\n{wanted.record()}EOF\n"
    carried_out(
        shell, wanted.host, "writing the record", f"{steps}sync {path}.new\nmv -fT {path}.new {path}\n"
    )


@dataclass(frozen=True)
class Off:
    """What a host has in place of what was planned, in words, by name."""

    engines: Mapping[str, str]
    certificates: Mapping[str, str]
    authority: str | None = None
    """The certificate that is there in place of the stack's, '' if none is; None if it is well."""


def differences(
    survey: Survey,
    engines: Mapping[str, str],
    wanted: Mapping[str, tuple[str, ...]],
    authority: str,
    now: datetime | None = None,
) -> Off | None:
    """What is not as it was made; None if the host has nothing of it any more."""
    off = {
        name: state for name, key in engines.items() if (state := engines_copy.state_of(survey, name, key))
    }
    troubles = certificates.troubles(survey, wanted, authority, now)
    strange = dict.fromkeys(certificates.unplanned(survey, wanted), "nobody planned it")
    nothing = not survey.record and not survey.certificates and not survey.authority
    if nothing and len(off) == len(engines):
        return None
    return Off(off, troubles | strange, survey.authority if survey.authority != authority else None)


def take_away(host: str, where: Where, shell: Shell, report: Report) -> None:
    """Remove what a stack placed on a host: keys and certificates, and the engines that no other stack uses.
    Folders in which something is left stay; so does all, if the machine is a host of another name by now."""
    survey = survey_of(shell, host, where)
    if _host_of(survey.record) not in ("", host):
        return
    engines = engines_of(survey.record)
    files = [f"{where.tls}/{name}.{kind}" for name in survey.certificates for kind in ("key", "pem")]
    files += [f"{where.tls}/ca.pem", f"{where.tls}/.new"]
    steps = f"rm -rf {quoted(*files)}\n"
    steps += engines_copy.remove(
        where, engines_copy.abandoned(survey, where.stack, engines), but_for=where.stack
    )
    steps += engines_copy.sweep(where, engines)
    steps += f"rm -f {quoted(where.record)}\n"
    folders = [where.tls, f"{where.root}/secrets", f"{where.root}/units", where.root, where.state]
    folders += [where.engines, where.engines.rpartition("/")[0]]
    steps += f"rmdir {quoted(*folders)} 2>/dev/null || true\n"
    for line in carried_out(shell, host, "removing what was placed", steps).splitlines():
        report(f"removed {line.removeprefix('gone ')}")


def has_data(shell: Shell, host: str, folder: str) -> bool:
    """Whether a unit left any data below a folder of a host."""
    find = f"find {quoted(folder)} -mindepth 2 -print -quit 2>/dev/null || true"
    return bool(carried_out(shell, host, "looking for data", find))


def _host_of(record: str) -> str:
    """The name of the host by its record; '' if that cannot be read."""
    try:
        return str(json.loads(record)["host"])
    except (ValueError, KeyError, TypeError):
        return ""


def engines_of(record: str) -> dict[str, str]:
    """The engines that a record names; none if it cannot be read."""
    try:
        found: Any = json.loads(record)["engines"]
        return {str(name): str(key) for name, key in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
