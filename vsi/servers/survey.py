"""What a host has, asked in one go before anything is changed, and what stands in the way. Pure but for the
script, which only looks."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from vsi.servers.shell import quoted

PLATFORMS = {
    "x86_64": "linux/amd64",
    "amd64": "linux/amd64",
    "aarch64": "linux/arm64",
    "arm64": "linux/arm64",
}
OLDEST_SYSTEMD = 247
"""LoadCredential is there from this one on."""
TOOLS = (
    "b2sum", "base64", "chmod", "date", "df", "find", "grep", "gzip", "head", "ls", "mkdir", "mv", "rm",
    "rmdir", "ssh-keygen", "stat", "sync", "systemctl", "tar", "timeout", "touch",
)  # fmt: skip
"""What our scripts need there, beside a shell."""
CLOCK_SECONDS = 60
SET_CLOCK = "Set it (`timedatectl set-ntp true`)"
MARK = ".obs-placed"
"""Written last into a folder of an engine: what has changed since then is newer than it."""
RECORD = "host.json"
"""In the state folder of a stack: what its host was made ready with."""


@dataclass(frozen=True)
class Where:
    """Folders of a host."""

    stack: str
    state: str = "/var/lib/obs"
    engines: str = "/opt/obs/engines"

    @property
    def root(self) -> str:
        """The state folder of the stack."""
        return f"{self.state}/{self.stack}"

    @property
    def tls(self) -> str:
        """Keys and certificates."""
        return f"{self.root}/secrets/tls"

    @property
    def record(self) -> str:
        """What the host was made ready with."""
        return f"{self.root}/{RECORD}"

    def engine(self, name: str, key: str) -> str:
        """The folder of an artifact."""
        return f"{self.engines}/{name}/{key}"


@dataclass(frozen=True)
class Placed:
    """An artifact on a host."""

    engine: str
    key: str
    at: int = 0
    """When, in seconds since 1970; 0 if it was not us."""
    changed: str = ""
    """A path in it that is not as it was placed."""
    stacks: frozenset[str] = frozenset()
    """Those that have a unit of which the record names it, and other stacks whose host's record does."""


@dataclass(frozen=True)
class Survey:
    """A host, as far as it was asked."""

    machine: str
    kernel: str
    uid: int
    init: str
    systemd: int
    clock: int
    lacks: tuple[str, ...]
    disk_mb: int
    disk_at: str
    mount: tuple[str, ...]
    """Options of the file system that engines lie on."""
    engines: tuple[Placed, ...] = ()
    authority: str = field(default="", repr=False)
    certificates: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    """Name -> its certificate, and the public key of the key beside it; '' for what is not there."""
    record: str = ""

    def placed(self, engine: str, key: str) -> Placed | None:
        """An artifact; None if it is not there."""
        return next((it for it in self.engines if (it.engine, it.key) == (engine, key)), None)


def script(where: Where) -> str:
    """Writes a line for each thing: its kind, then its words."""
    return _SCRIPT.format(
        tools=" ".join(TOOLS),
        engines=quoted(where.engines),
        state=quoted(where.state),
        tls=quoted(where.tls),
        record=quoted(where.record),
        mark=MARK,
        name=RECORD,
        changed=CHANGED,
    )


CHANGED = f"""
changed() {{
  find "$1" \\( -path "$1/*" -cnewer "$1/{MARK}" -o ! -path "$1/*" -newer "$1/{MARK}" \\) -print -quit
}}
"""
"""A function of the shell: a path in the folder of an artifact that is not as it was placed, or nothing. The
time of an inode cannot be set back as that of a file can."""

_SCRIPT = """{changed}
echo "kernel $(uname -sm)"
echo "uid $(id -u)"
read -r init < /proc/1/comm; echo "init $init"
echo "systemd $(systemctl --version 2>/dev/null | head -n 1)"
echo "clock $(date +%s)"
for tool in {tools}; do command -v $tool >/dev/null 2>&1 || echo "lacks $tool"; done
near={engines}; while ! [ -d "$near" ]; do near=${{near%/*}}; near=${{near:-/}}; done
echo "disk $(stat -f -c '%a %S' -- "$near") $near"
echo "mount $(findmnt -no OPTIONS -T "$near" 2>/dev/null)"
find {engines} -mindepth 3 -maxdepth 3 -type f -name {mark} -printf 'mark %P %T@\\n' 2>/dev/null || :
set --
for folder in {engines}/*/*/; do
  folder=${{folder%/}}
  [ -d "$folder" ] || continue
  key=${{folder##*/}}; engine=${{folder%/*}}; engine=${{engine##*/}}
  changed=
  if [ -f "$folder/{mark}" ]; then
    changed=$(changed "$folder")
    [ -z "$changed" ] || changed=$(printf %s "$changed" | base64 -w 0)
  fi
  echo "engine $engine $key $changed"
  set -- "$@" -e "$key"
done
[ $# = 0 ] || grep -oHsF "$@" -- {state}/*/units/*/applied.json {state}/*/{name} | sort -u |
while IFS= read -r found; do
  record=${{found%:*}}
  [ "$record" = {record} ] && continue
  record=${{record#{state}/}}; echo "used ${{found##*:}} ${{record%%/*}}"
done
text() {{ [ -f "$1" ] && base64 -w 0 < "$1"; }}
echo "authority $(text {tls}/ca.pem)"
for file in {tls}/*.pem {tls}/*.key; do
  [ -f "$file" ] || continue
  name=${{file##*/}}
  case $name in
    ca.pem) ;;
    *.pem) echo "certificate ${{name%.pem}} $(base64 -w 0 < "$file")" ;;
    *.key) echo "key ${{name%.key}} $(ssh-keygen -y -P '' -f "$file" 2>/dev/null)" ;;
  esac
done
echo "record $(text {record})"
"""


def read(output: str) -> Survey:
    """The survey that the script wrote. ValueError if something is missing in it."""
    words: dict[str, list[list[str]]] = {}
    for line in output.splitlines():
        kind, _, rest = line.partition(" ")
        words.setdefault(kind, []).append(rest.split(" "))
    try:
        one = {kind: lines[0] for kind, lines in words.items()}
        marks = {mark: int(time.partition(".")[0]) for mark, time in words.get("mark", ())}
        used: dict[str, set[str]] = {}
        for key, stack in words.get("used", ()):
            used.setdefault(key, set()).add(stack)
        return Survey(
            machine=one["kernel"][1],
            kernel=one["kernel"][0],
            uid=int(one["uid"][0]),
            init=one["init"][0],
            systemd=_version(one["systemd"]),
            clock=int(one["clock"][0]),
            lacks=tuple(words_[0] for words_ in words.get("lacks", ())),
            disk_mb=int(one["disk"][0]) * int(one["disk"][1]) >> 20,
            disk_at=" ".join(one["disk"][2:]),
            mount=tuple(one["mount"][0].split(",")),
            engines=tuple(
                Placed(
                    engine,
                    key,
                    marks.get(f"{engine}/{key}/{MARK}", 0),
                    _text(changed),
                    frozenset(used.get(key, ())),
                )
                for engine, key, changed in words.get("engine", ())
            ),
            authority=_text(one["authority"][0]),
            certificates=_certificates(words),
            record=_text(one["record"][0]),
        )
    except (KeyError, IndexError) as error:
        raise ValueError(f"the host did not say all that it was asked: {error}") from None


def _version(words: list[str]) -> int:
    """`252` of `systemd 252 (252.39-1~deb12u2)`."""
    return next((int(word) for word in words if word.isdigit()), 0)


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode(errors="replace")


def _certificates(words: Mapping[str, list[list[str]]]) -> dict[str, tuple[str, str]]:
    pems = {name: _text(text) for name, text in words.get("certificate", ())}
    keys = {name: " ".join(key) for name, *key in words.get("key", ())}
    return {name: (pems.get(name, ""), keys.get(name, "")) for name in sorted({*pems, *keys})}


def obstacles(survey: Survey, platform: str, needed_mb: int, clock: tuple[float, float]) -> list[str]:
    """All that stands in the way, each with what to do. `platform` is that of the engines, `clock` our time
    before and after the host was asked for its own."""
    found = []
    its_platform = PLATFORMS.get(survey.machine, f"{survey.kernel.lower()}/{survey.machine}")
    if survey.kernel != "Linux" or its_platform != platform:
        found.append(
            f"it is a {its_platform} machine ({survey.machine}), and the engines in the cache are for "
            f"{platform}. Take a host of that kind, or leave it out of the inventory"
        )
    if survey.uid != 0:
        found.append(f"scripts run as user {survey.uid} there; expected root, or a user who may use sudo")
    if survey.init != "systemd" or survey.systemd < OLDEST_SYSTEMD:
        has = f"systemd {survey.systemd}" if survey.systemd else "no systemd"
        has += "" if survey.init == "systemd" else f", and {survey.init} as its first process"
        found.append(f"it has {has}; expected systemd {OLDEST_SYSTEMD} or later as its first process")
    if survey.lacks:
        found.append(f"it lacks {', '.join(survey.lacks)}: install what brings them{_packages(survey.lacks)}")
    if off := clock_off(survey.clock, clock):
        found.append(
            f"its clock is {off}: certificates would not be valid there, nor times comparable. {SET_CLOCK}"
        )
    found += _storage(survey, needed_mb)
    return found


def _packages(lacks: tuple[str, ...]) -> str:
    return " (ssh-keygen: openssh-client, or openssh)" if "ssh-keygen" in lacks else ""


def clock_off(there: int, here: tuple[float, float]) -> str:
    """How far a host's clock is off, too far; it has whole seconds. '' if it will do."""
    begun, ended = here
    off = there - ended if there > ended else min(0.0, there + 1 - begun)
    if abs(off) <= CLOCK_SECONDS:
        return ""
    minutes, seconds = divmod(round(abs(off)), 60)
    text = f"{minutes} min {seconds} s" if minutes < 120 else f"{minutes // 60} hours"
    return f"{text} {'ahead' if off > 0 else 'behind'}"


def _storage(survey: Survey, needed_mb: int) -> list[str]:
    found = []
    bad = [option for option in ("ro", "noexec") if option in survey.mount]
    if bad:
        found.append(
            f"the file system of {survey.disk_at} is mounted {', '.join(bad)}; expected one that engines can "
            "be copied to and started from"
        )
    if needed_mb and survey.disk_mb < needed_mb:
        found.append(
            f"{survey.disk_at} has {survey.disk_mb} MB free; the engines need {needed_mb} MB while they are "
            "copied. Make room there"
        )
    strange = [f"{it.engine}/{it.key}" for it in survey.engines if not it.at]
    if strange:
        found.append(
            f"in the folder of engines there is {', '.join(strange)}, which obs did not place. Look at it, "
            "and move it elsewhere"
        )
    return found
