"""One unit on its way onto a machine, or off it: what is asked, where, and who hears of it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vsi.changes import ChangeFailed, Remove, Run, Step, Steps
from vsi.errors import DeployError, Mask
from vsi.machine import Machine
from vsi.paths import RELATIVE, UnitPaths, check_name
from vsi.program import clean_environment, unit_environment
from vsi.reach import Facts, Look, Report
from vsi.records import Request
from vsi.unit import HostUnit


def _unheard(_: str) -> None:
    """For what is no step of a user's."""


@dataclass(frozen=True)
class Job:
    """Holds no secret beyond the request's, and shows none: `told` masks what it raises."""

    request: Request
    machine: Machine
    report: Report

    @property
    def unit(self) -> HostUnit:
        """What is to be put there."""
        return self.request.unit

    @property
    def own(self) -> UnitPaths:
        """The unit's folders."""
        return self.machine.unit(self.unit.name)

    def look(self, what: Look) -> Facts:
        """What is on the machine."""
        return self.machine.reach.look(what)

    def change(self, steps: Steps) -> None:
        """Carry steps out, told one by one."""
        self.machine.reach.change(steps, self.report)

    def change_quietly(self, *steps: Step) -> None:
        """Carry out what is no step of a user's."""
        self.machine.reach.change(steps, _unheard)

    def remove(self, name: str, paths: Iterable[object]) -> Step:
        """A step that takes files or folders away."""
        return Step(name, Remove(tuple(map(str, paths))))

    def command(self, arguments: tuple[str, ...], seconds: int, *, staged: bool = False) -> Run:
        """A check, in the staged copy, or the setup: a command of the unit with all that it needs."""
        tokens = self.machine.tokens(self.unit.name, staged=staged)
        environment = {"TMPDIR": str(self.own.scratch)} | unit_environment(self.unit, tokens)
        return Run(
            purpose="check" if staged else "setup",
            arguments=tuple(tokens.command(arguments)),
            folder=str(self.own.staged if staged else self.own.conf),
            environment=clean_environment() | environment,
            seconds=seconds,
        )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Under the unit's lock, with a folder for what is needed for a moment. What fails inside is a
        DeployError without a secret in it."""
        check_name("unit", self.unit.name)
        reach = self.machine.reach
        with reach.hold(f"unit-{self.unit.name}"), reach.scratch(str(self.own.scratch)):
            try:
                yield
            except DeployError as error:
                raise DeployError(self.unit.name, self._mask()(error.message)) from None
            except ChangeFailed as error:
                words = error.last_words()
                text = f"{error.name} failed:\n{words}" if words else f"{error.name} failed"
                raise DeployError(self.unit.name, self._mask()(text)) from None

    def _mask(self) -> Mask:
        """Hides what came with the request and what stands in the unit's secret files."""
        paths = [str(RELATIVE.secrets / name) for name in self.unit.secrets]
        facts = self.look(Look(read=tuple(paths)))
        found = [data.decode(errors="replace") for path in paths if (data := facts.data(path)) is not None]
        return Mask.of([*self.request.values.values(), *found])
