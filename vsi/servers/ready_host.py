"""Hosts made ready as Pulumi resources: a dynamic provider that only translates; `prepare` does the work.

Everything is a text or a map of texts. What one logs in with is no input: it is read here, by its name. The
names of classes and keys stand in the state of running stacks: they stay.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    ReadResult,
    Resource,
    UpdateResult,
)
from pydantic import ValidationError

from components.plan import part_id
from components.target import FORGET_HOSTS
from engines import pack
from engines.errors import EngineError
from engines.setting import this_platform
from engines.store import Store
from vsi import renewal
from vsi.carry_out import carry_out
from vsi.errors import DeployError, Unreachable
from vsi.keys import secret_key
from vsi.logins import LoggedIn, given_up
from vsi.machine import machine_of
from vsi.paths import check_name
from vsi.plan_version import PLAN_VERSION
from vsi.reach import Report
from vsi.resources import InPlace, found_as, outputs, teller
from vsi.servers import own_address, snapshot
from vsi.servers.authority import Authority
from vsi.servers.engines_copy import Engine
from vsi.servers.keys import AUTHORITY, AUTHORITY_KEY, Keys
from vsi.servers.known import cleaned
from vsi.servers.machine import server_paths
from vsi.servers.parts import HostReady
from vsi.servers.prepare import Off, Wanted, differences, has_data, prepare, surveyed, take_away
from vsi.servers.shell import Shell, quoted
from vsi.servers.survey import Survey, Where
from vsi.settled import settle
from vsi.ssh.connection import Connection
from vsi.ssh.master import Master
from vsi.ssh.shell import shell
from vsi.tls import general_name
from vsi.turns import TURNS, Member, serving

if TYPE_CHECKING:
    from vsi.servers.plan import ServersPlan

GONE = (
    "If {host} is gone for good: take it out of the inventory, then obs up {stack} --forget-host {host} "
    f"(by hand: {FORGET_HOSTS}={{host}} pulumi up -s {{stack}}). What stands there stays."
)


def inputs_of(plan: "ServersPlan", part: HostReady, engines: Mapping[str, str]) -> dict[str, Any]:
    """A host's inputs, without the authority. `engines` says by name which artifact each engine is."""
    connection = next(it for it in plan.connections if it.host == part.place)
    return {
        "stack": plan.stack,
        "host": part.place,
        "connection": connection.model_dump_json(exclude_defaults=True),
        "login": plan.login_sources,
        "platform": this_platform(),
        "engines": {name: engines[name] for name in part.engines},
        "certificates": {it.name: " ".join(it.sans) for it in part.certificates},
        "plan_version": PLAN_VERSION,
    }


def certificates_of(props: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Name -> names and addresses."""
    return {name: tuple(sans.split()) for name, sans in props["certificates"].items()}


def wanted_of(props: Mapping[str, Any]) -> Wanted:
    """What a host shall have. Raises EngineError if the cache has no such artifact any more."""
    store = Store(platform=props["platform"])
    engines = []
    for name, found in pack.packed(props["engines"], store).items():
        key = props["engines"][name]
        if key != found.key:
            raise EngineError(f"{name}: the cache has another artifact than was planned; run `obs up` again")

        def archive(found: pack.Packed = found) -> Iterator[bytes]:
            return pack.archive(found)

        engines.append(Engine(name, key, found.version, found.size, archive))
    return Wanted(
        host=props["host"],
        where=Where(props["stack"]),
        platform=props["platform"],
        engines=tuple(engines),
        certificates=certificates_of(props),
        authority=Authority(props[AUTHORITY], props[secret_key(AUTHORITY_KEY)]),
        plan_version=props["plan_version"],
    )


def with_differences(props: Mapping[str, Any], off: Off) -> dict[str, Any]:
    """The same inputs or outputs as the host has them."""
    found = {
        **props,
        "engines": {**props["engines"], **off.engines},
        "certificates": {**props["certificates"], **off.certificates},
    }
    return found if off.authority is None else {**found, AUTHORITY: off.authority}


class HostProvider(LoggedIn, InPlace):
    """Makes hosts ready. One instance serves all of them at once."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse what could not be carried out, before anything is changed."""
        failures = []
        try:
            Connection.model_validate_json(news["connection"])
            for name, sans in news["certificates"].items():
                check_name("certificate", name)
                for san in sans.split():
                    general_name(san)
        except DeployError as error:
            failures.append(CheckFailure("certificates", error.message))
        except ValidationError as error:
            failures.append(CheckFailure("connection", error.errors(include_input=False)[0]["msg"]))
        except ValueError as error:
            failures.append(CheckFailure("certificates", str(error)))
        return CheckResult(news, failures)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Make the host ready. Idempotent: an earlier create may have been interrupted."""
        self._prepare(props, new=True)
        return CreateResult(f"{props['stack']}/{props['host']}", outputs(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """The same as create: what is there already is left alone."""
        self._prepare(news)
        return UpdateResult(outputs(news))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Take away what was placed, and know the host no more unless data is left there."""
        stack, host = props["stack"], props["host"]
        data = False
        if not given_up(host):
            with self._shell(props) as way:
                take_away(host, Where(stack), way, _reporter(host))
                data = has_data(way, host, str(server_paths(stack).kept))
        cleaned(stack, host, data=data)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Compare with the host. What differs is returned in place of what was planned, so that a preview
        shows it and an update repairs it. Gone: an empty id."""
        if given_up(props["host"]):
            return ReadResult("", {})
        outs = outputs(props)
        survey = self._survey(props)
        authority = Authority(props[AUTHORITY], props[secret_key(AUTHORITY_KEY)])
        off = differences(survey, outs["engines"], certificates_of(outs), authority.certificate)
        if off is None:
            return ReadResult("", {})
        return found_as(id_, outs, with_differences(outs, off))

    def _prepare(self, props: Mapping[str, Any], *, new: bool = False) -> None:
        wanted = replace(wanted_of(props), new=new)
        address = Connection.model_validate_json(props["connection"]).address
        with self._shell(props) as way:
            said = way.ask(quoted(*own_address.command(address))).output.decode(errors="replace")
            if found := own_address.trouble(address, said):
                raise DeployError(props["host"], f"{found}. {own_address.WHAT_TO_DO}")
            new_authority = prepare(wanted, way, _reporter(props["host"]))
        self._renew(props, at_once=new_authority)

    def _renew(self, props: Mapping[str, Any], *, at_once: bool) -> None:
        """Units with a certificate that was replaced read it, one after another; members of a program, over
        all hosts. `at_once` where those with old ones believe no new one anyway."""
        stack, host = props["stack"], props["host"]
        connection, login = Connection.model_validate_json(props["connection"]), self.login(props)
        machine = machine_of(stack, connection, login)
        for record in renewal.outdated(machine):
            unit, request = record.unit, renewal.request_of(record, connection, login)
            report = _reporter(host)
            report(f"{unit.name} reads its renewed certificates")
            TURNS.take(
                Member(stack, unit.name, host, unit.members),
                lambda name=unit.name: not at_once and serving(machine, name),  # type: ignore[misc]
                lambda asked=request: carry_out("renew", asked),  # type: ignore[misc]
                lambda asked=request, told=report: settle(machine, asked, told),  # type: ignore[misc]
            )

    def _survey(self, props: Mapping[str, Any]) -> Survey:
        """What this run has seen of the host."""
        connection, host = Connection.model_validate_json(props["connection"]), props["host"]
        way = snapshot.Way(props["stack"], connection, self.login(props))
        with _hinted(props):
            return surveyed(host, snapshot.seen(way, part_id("host", host)).surveyed)

    @contextmanager
    def _shell(self, props: Mapping[str, Any]) -> Iterator[Shell]:
        """A shell of root's on the host, over the one connection, to change what is there."""
        connection = Connection.model_validate_json(props["connection"])
        with (
            _hinted(props),
            snapshot.changing(connection),
            shell(Master(connection, self.login(props))) as way,
        ):
            yield way


@contextmanager
def _hinted(props: Mapping[str, Any]) -> Iterator[None]:
    """Says what to do about a host that is gone for good."""
    try:
        yield
    except Unreachable as error:
        stack, host = props["stack"], props["host"]
        raise Unreachable(error.unit, f"{error.message}\n{GONE.format(stack=stack, host=host)}") from None


def _reporter(host: str) -> Report:
    return teller(part_id("host", host), host)


class Ready(Resource, module="vsi", name="HostReady"):
    """A host made ready. Units on it need it."""

    def __init__(
        self,
        plan: "ServersPlan",
        part: HostReady,
        engines: Mapping[str, str],
        keys: Keys,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`engines` maps each engine of the host to a text naming its artifact."""
        props = inputs_of(plan, part, engines)
        props[AUTHORITY] = keys.authority
        props[secret_key(AUTHORITY_KEY)] = keys.secret_inputs((AUTHORITY_KEY,))[AUTHORITY_KEY]
        super().__init__(HostProvider(), part.id, props, opts)
