"""The keeper of servers: systemd, by `systemctl` on the host.

A unit is started again whenever it ends, and at boot; after what it needs, which it does not wait for. Each
question is one command, since a host may be far away.
"""

import re
from collections.abc import Callable, Collection, Iterator

from vsi.errors import DeployError
from vsi.keepers import Entry, File, Program, Trouble
from vsi.paths import RELATIVE, Places, StatePaths, Tokens
from vsi.reach import Reach, Said
from vsi.systemd import journal
from vsi.systemd.places import ENABLED, service, unit_path, view
from vsi.systemd.script import conf_folder, run_script
from vsi.systemd.states import ASK, Shown, shown_in
from vsi.systemd.unit_file import unit_file
from vsi.unit import HostUnit

OLDEST = 249
"""The first version of systemd that is tried: that of Ubuntu 22.04."""


def _command(script: str, *arguments: str) -> tuple[str, ...]:
    return "sh", "-c", script, "sh", *arguments


ABOUT = _command(
    'id -u; if [ -d /run/systemd/system ]; then systemctl --version | { read -r _ v _; echo "$v"; }; fi'
)
"""The command whose output `trouble_in` reads."""
_INSTALL = """
u=$1 f=$2 w=$3/$1 new=no of=$4/$5
show() { LC_ALL=C systemctl show --no-pager -p NeedDaemonReload,LoadState,LoadError,ActiveState -- "$u"; }
if [ -e "$f" ]; then
  [ -L "$w" ] || { new=yes; mkdir -p "$3"; ln -s "$f" "$w"; }
  s=$(show)
  case "$new $s" in yes*|*NeedDaemonReload=yes*|*LoadState=not-found*)
    systemctl daemon-reload || exit 1; s=$(show);;
  esac
  echo "new=$new"; echo "$s"
else
  systemctl stop "$u" 2>/dev/null
  rm -f "$w"
  systemctl daemon-reload || exit 1
  systemctl reset-failed "$u" 2>/dev/null
  for l in "/var/lib/obs/$4/data/$5" "/var/log/obs/$of"; do [ ! -L "$l" ] || rm -f "$l"; done
  rm -rf "/var/log/private/obs/$of"
  rmdir "/run/obs/$of" "/var/lib/obs/$4/data" "/var/log/obs/$4" "/var/log/private/obs/$4" 2>/dev/null
  exit 0
fi
"""
"""What systemd made for a unit goes with it, but what the unit keeps."""
_START = 'systemctl reset-failed "$1" 2>/dev/null; exec systemctl start --no-block -- "$1"'
_STOP = """
systemctl stop -- "$@"; code=$?
systemctl reset-failed -- "$@" 2>/dev/null
for u in "$@"; do
  case "$(systemctl show -p ActiveState --value -- "$u")" in inactive|failed) ;; *) exit "$code";; esac
done
"""
_RELOAD = 'systemctl is-active -q -- "$1" || exit 0; exec systemctl reload -- "$1"'
_SIGNAL = 'systemctl is-active -q -- "$1" || exit 0; exec systemctl kill --kill-who=main -s "$2" -- "$1"'
_EMPTY = 'rmdir "/run/obs/$1" "/var/lib/private/obs/$1/data" "/var/lib/private/obs/$1" 2>/dev/null; true'
_GROUPS = 'for p in "$@"; do sed "s/^/$p /" "/proc/$p/cgroup" 2>/dev/null; done; true'


class SystemdKeeper:
    """The units of one stack on one host. Holds no connection."""

    def __init__(self, stack: str, paths: StatePaths, reach: Reach, places: Places) -> None:
        self.stack = stack
        self.paths = paths
        self.reach = reach
        self.places = places

    def _run(self, script: str, *arguments: str) -> Said:
        return self.reach.run(_command(script, *arguments))

    def _service(self, name: str) -> str:
        return service(self.stack, name)

    def entry(self, unit: HostUnit) -> Entry:
        """The run script, and the unit file."""
        seen = view(self.stack, unit.name, self.paths, conf_folder(unit.name))
        script = run_script(unit, self.stack, Tokens(unit.name, seen, self.places))
        return Entry(
            script=File(str(self.paths.unit(unit.name).run), script),
            program=File(unit_path(self.stack, unit.name), unit_file(unit, self.stack, self.paths)),
        )

    def files(self, name: str) -> tuple[str, str]:
        """Where script and unit file are, for a `Look`; `*` for those of all, and perhaps of stacks with a
        longer name."""
        return str(RELATIVE.unit(name).run), unit_path(self.stack, name)

    def trouble(self) -> Trouble | None:
        """Without systemd, or without root's rights, nothing can be told to it."""
        return trouble_in(self.reach.run(ABOUT))

    def awake(self) -> bool:
        """Whether it answers."""
        return self._run("exec systemctl show -p Version --value").code == 0

    def wake(self) -> bool:
        """It runs, or the host does not. False: units that were started run."""
        if not self.awake():
            trouble = self.trouble()
            raise DeployError("systemd", trouble.words if trouble else "systemd does not answer")
        return False

    def question(self) -> tuple[str, ...]:
        """The command whose output `programs_in` reads."""
        return _command(ASK, self._service("*"))

    def programs_in(self, said: Said) -> dict[str, Program]:
        """Every unit of the stack."""
        return {name: shown.program for name, shown in shown_in(said.output, self.stack).items()}

    def _shown(self) -> dict[str, Shown]:
        return shown_in(self.reach.run(self.question()).output, self.stack)

    def programs(self) -> dict[str, Program]:
        """Every unit of the stack, in one question."""
        return {name: shown.program for name, shown in self._shown().items()}

    def program(self, name: str) -> Program | None:
        """One unit; None if systemd does not know it."""
        found = shown_in(self._run(ASK, self._service(name)).output, self.stack).get(name)
        return found.program if found else None

    def exits(self) -> dict[str, int]:
        """How often each ended by itself since it was last told to start."""
        return {name: shown.restarts for name, shown in self._shown().items() if shown.restarts}

    def install(self, name: str) -> bool:
        """Have systemd read the unit file and start the unit at boot; or forget it, logs and all, if the file
        is gone.

        What runs is left running, as it was started: who asks restarts it. True if it is new."""
        own = (self._service(name), unit_path(self.stack, name))
        said = self._run(_INSTALL, *own, ENABLED, self.stack, name)
        if said.code:
            raise DeployError(name, f"systemd did not read its unit files again: {said.output.strip()}")
        found = dict(line.split("=", 1) for line in said.output.splitlines() if "=" in line)
        if found.get("LoadState") in ("bad-setting", "error"):
            raise DeployError(name, f"systemd does not take its unit file: {found.get('LoadError', '')}")
        return found.get("new") == "yes" and found.get("ActiveState") in ("inactive", "failed")

    def start(self, name: str) -> None:
        """Start it and return at once. Fine if it runs."""
        said = self._run(_START, self._service(name))
        if said.code:
            raise DeployError(
                name, f"its unit file is missing or was broken. Run `obs up`. systemd says: {_words(said)}"
            )

    def stop(self, name: str) -> None:
        """Stop it and wait until it is gone. Fine if it does not run or is not known."""
        self._stop([name])

    def _stop(self, names: Collection[str]) -> None:
        said = self._run(_STOP, *map(self._service, names))
        if said.code:
            raise DeployError(", ".join(names), f"did not stop: {_words(said)}")

    def reload(self, name: str, signal_name: str) -> None:
        """Have it read its files again, as its unit file says; fine if it does not run."""
        script = _RELOAD if signal_name == "SIGHUP" else _SIGNAL
        said = self._run(script, self._service(name), signal_name)
        if said.code:
            raise DeployError(name, f"was not reloaded: {_words(said)}")

    def owned(self, pids: set[int], name: str | None = None) -> set[int]:
        """By the control group that systemd keeps each unit's processes in."""
        if not pids:
            return set()
        known = {name} if name is not None else set(self.programs())
        groups = {self._service(unit) for unit in known}
        output = self._run(_GROUPS, *map(str, sorted(pids))).output
        lines = (line.partition(" ") for line in output.splitlines())
        return {int(pid) for pid, _, path in lines if groups & set(path.split("/"))} & pids

    def last_words(self, name: str, count: int) -> list[str]:
        """The last lines of what it wrote."""
        return journal.last_words(self.reach, self.stack, name, count)

    def logs(
        self, names: Collection[str], last: int, *, follow: bool, over: Callable[[], bool]
    ) -> Iterator[tuple[str, str]]:
        """From the journal of the host, and the files of services."""
        return journal.lines(self.reach, self.stack, names, last, follow=follow, over=over)

    def end(self) -> None:
        """Stop every unit of the stack. They are still started at the next boot, unless they are removed.
        Folders that systemd made for them go if they are empty."""
        if names := sorted(self.programs()):
            self._stop(names)
        self._run(_EMPTY, self.stack)


def trouble_in(said: Said) -> Trouble | None:
    """Why systemd must be left alone."""
    user, _, version = said.output.strip().partition("\n")
    if not version:
        return Trouble("cut off", "systemd does not run here; expected a host that it started")
    number = re.match(r"\d+", version)
    if number and int(number[0]) < OLDEST:
        return Trouble("cut off", f"systemd is {version}; expected {OLDEST} or newer")
    if user != "0":
        return Trouble("user", f"we are user {user} here; expected root, or a user who may use sudo")
    return None


def _words(said: Said) -> str:
    return said.output.strip() or f"nothing, and ended with {said.code}"
