"""Operations by data, as pyinfra tests its own: facts in, commands out. No host, no process."""

import hashlib
import io
import tarfile
from dataclasses import dataclass
from typing import Any, get_args

import pytest
from pyinfra.api.command import FileUploadCommand
from pyinfra.context import ctx_host

from vsi import changes
from vsi.operations import OPERATIONS, FileDigest, FileDigests, FolderModes, LinkTargets


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class FakeHost:
    """Answers with given facts; one that is not given is not asked for."""

    facts: dict[str, Any]

    def get_fact(self, fact: type, **_: Any) -> Any:
        return self.facts[fact.__name__]


def commands(change: changes.Change, **facts: Any) -> list[str]:
    """What would be run; an upload as `upload <path>`."""
    operation: Any = OPERATIONS[type(change)]
    with ctx_host.use(FakeHost(facts)):
        return [
            f"upload {command.dest}" if isinstance(command, FileUploadCommand) else command.get_raw_value()
            for command in operation._inner(change=change)
        ]


def test_every_change_has_its_operation() -> None:
    assert set(OPERATIONS) == set(get_args(changes.Change))


def test_only_folders_that_are_not_private_are_made() -> None:
    change = changes.Folders(("/s/a", "/s/b c"))

    assert commands(change, FolderModes={"/s/a": 0o700}) == [
        "umask 077 && mkdir -p '/s/b c' && chmod 700 '/s/b c'"
    ]


def test_folders_that_are_private_are_left_alone() -> None:
    assert commands(changes.Folders(("/s/a",)), FolderModes={"/s/a": 0o700}) == []


def test_folders_that_others_may_enter_get_that_mode() -> None:
    change = changes.Folders(("/s/a", "/s/b"), 0o755)

    assert commands(change, FolderModes={"/s/a": 0o700, "/s/b": 0o755}) == [
        "umask 022 && mkdir -p /s/a && chmod 755 /s/a"
    ]


def test_a_file_that_others_may_read_is_opened_before_it_is_in_place() -> None:
    assert commands(changes.Write("/s/x", b"new", 0o644), FileDigest=digest("old")) == [
        "rm -f /s/x.new && umask 077 && :> /s/x.new",
        "upload /s/x.new",
        "chmod 644 /s/x.new && sync /s/x.new && mv -fT /s/x.new /s/x",
    ]


LINKS = changes.Links("/s/c", {"pw": "../secrets/pw", "a b": "../x"})


def test_links_are_made_and_what_is_no_link_of_the_folder_goes() -> None:
    assert commands(LINKS, LinkTargets={"pw": "../secrets/pw", "old": "../secrets/old"}) == [
        "cd /s/c && rm -rf -- old",
        "cd /s/c && ln -sfnT -- ../x 'a b'",
    ]


def test_links_that_lead_where_they_should_are_left_alone() -> None:
    assert commands(LINKS, LinkTargets=dict(LINKS.targets)) == []


def test_a_file_is_written_beside_and_renamed() -> None:
    assert commands(changes.Write("/s/x $y", b"new"), FileDigest=digest("old")) == [
        "rm -f '/s/x $y.new' && umask 077 && :> '/s/x $y.new'",
        "upload /s/x $y.new",
        "sync '/s/x $y.new' && mv -fT '/s/x $y.new' '/s/x $y'",
    ]


def test_a_file_that_is_as_wanted_is_left_alone() -> None:
    assert commands(changes.Write("/s/x", b"same"), FileDigest=digest("same")) == []


def test_a_random_value_is_made_on_the_host_and_the_first_of_two_wins() -> None:
    (command,) = commands(changes.Generate("/s/secret"), FileDigests={"other": "d"})

    assert "secrets.token_urlsafe(24)" in command
    assert "{ ln /s/secret.new /s/secret || true; } && rm -f /s/secret.new" in command


def test_a_value_that_is_there_stays() -> None:
    assert commands(changes.Generate("/s/secret"), FileDigests={"secret": "d"}) == []


LINK = {"tls": "../../../secrets/tls"}
STAGE = changes.Stage("/s/conf.next", "/s/conf", {"a.yml": "a", "r/b.yml": "b"}, again=False, links=LINK)
AS_WANTED = {"a.yml": digest("a"), "r/b.yml": digest("b")}


def test_files_are_staged_in_one_archive_beside_a_link_to_the_certificates() -> None:
    assert commands(STAGE, FileDigests={"a.yml": digest("old")}) == [
        "rm -rf /s/conf.next && umask 077 && mkdir -p /s/conf.next",
        "ln -s ../../../secrets/tls /s/conf.next/tls",
        "upload /s/conf.next.tar",
        "umask 077 && tar -xf /s/conf.next.tar -C /s/conf.next --no-same-owner && rm -f /s/conf.next.tar",
    ]


def test_the_archive_holds_every_file_for_its_owner_alone() -> None:
    operation: Any = OPERATIONS[changes.Stage]
    with ctx_host.use(FakeHost({"FileDigests": {}})):
        (upload,) = [c for c in operation._inner(change=STAGE) if isinstance(c, FileUploadCommand)]
    packed: Any = upload.src
    with tarfile.TarFile(fileobj=io.BytesIO(packed.getvalue())) as archive:
        found = {member.name: (member.mode, archive.extractfile(member).read()) for member in archive}  # type: ignore[union-attr]

    assert found == {"a.yml": (0o600, b"a"), "r/b.yml": (0o600, b"b")}


def test_nothing_is_staged_where_all_is_as_wanted() -> None:
    assert commands(STAGE, FileDigests=AS_WANTED) == []


def test_what_was_never_accepted_is_staged_again() -> None:
    again = changes.Stage(STAGE.folder, STAGE.conf, STAGE.files, again=True, links=LINK)

    assert len(commands(again, FileDigests=AS_WANTED)) == 4


def test_a_command_runs_in_a_bare_environment_and_ends_with_us() -> None:
    run = changes.Run("check", ("tool", "a b;"), "/s/conf", {"B": "2", "A": "x y"}, 7)

    (command,) = commands(run)
    assert command == (
        "cd /s/conf && exec env -i 'A=x y' B=2 setpriv --pdeathsig KILL -- timeout --kill-after=5 7 "
        "setpriv --pdeathsig KILL -- tool 'a b;'"
    )


ACTIVATE = changes.Activate("/s/conf.next", "/s/conf", {"a.yml": "a", "r/b.yml": "b"}, ("a.yml", "r/old.yml"))


def test_only_changed_files_are_renamed_into_place() -> None:
    first, rename, sync, *_ = commands(ACTIVATE, FileDigests={**AS_WANTED, "r/b.yml": digest("old")})

    assert first == "umask 077 && mkdir -p /s/conf/r && cd /s/conf.next && sync r/b.yml"
    assert rename.startswith("for path in r/b.yml; do")
    assert 'mv -fT /s/conf.next/"$path" /s/conf/"$path" || exit 1' in rename
    assert sync == "sync /s/conf/r"


def test_what_is_not_planned_any_more_goes_and_what_an_engine_wrote_stays() -> None:
    """Of its own, an engine writes files of other kinds; one that a glob would pick up goes too."""
    present = {**AS_WANTED, "r/old.yml": "d", "r/by-hand.yml": "d", "keystore": "d"}

    assert commands(ACTIVATE, FileDigests=present)[:2] == [
        "cd /s/conf && rm -f r/by-hand.yml r/old.yml",
        "find /s/conf -mindepth 1 -type d -empty -delete",
    ]


def test_links_stand_beside_files_that_changed() -> None:
    with_link = changes.Activate("/s/n", "/s/c", {"a.yml": "a"}, (), LINK)

    assert "[ -e /s/c/tls ] || ln -sfn ../../../secrets/tls /s/c/tls" in commands(with_link, FileDigests={})


def test_the_staged_copy_goes_at_the_end() -> None:
    assert commands(ACTIVATE, FileDigests=AS_WANTED) == ["rm -rf /s/conf.next"]


def test_many_files_stay_below_the_kernels_limit_of_an_argument() -> None:
    files = {f"rules/{'n' * 80}{number:04}.yml": "x" for number in range(1000)}
    found = commands(changes.Activate("/s/n", "/s/c", files, ()), FileDigests={})

    assert max(map(len, found)) < 128 * 1024 / 2


def test_access_is_mended_in_place_and_the_file_of_another_is_copied() -> None:
    (command,) = commands(changes.Tighten(("/s/a b",)))

    assert command.startswith("if [ -O '/s/a b' ]; then chmod 600 '/s/a b'; else cp --preserve=timestamps ")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (changes.Remove(("/s/a b", "/s/c")), ["rm -rf '/s/a b' /s/c"]),
        (changes.Remove(()), []),
        (changes.RemoveEmpty("/s"), ["rmdir --ignore-fail-on-non-empty /s 2>/dev/null || true"]),
    ],
)
def test_what_goes(change: changes.Change, expected: list[str]) -> None:
    assert commands(change) == expected


@pytest.mark.parametrize(
    ("fact", "output", "found"),
    [
        (FileDigests, ["d1  ./a.yml", "d2  ./r/b  c.yml"], {"a.yml": "d1", "r/b  c.yml": "d2"}),
        (FileDigests, [], {}),
        (FileDigest, ["d1  /s/x"], "d1"),
        (FileDigest, ["\\d1  /s/x\\\\y"], "d1"),
        (FileDigest, [], ""),
        (
            FolderModes,
            ["700 directory /s/a", "755 directory /s/b c", "700 regular file /s/c"],
            {"/s/a": 0o700, "/s/b c": 0o755},
        ),
        (LinkTargets, ["pw\t../secrets/pw", "plain\t"], {"pw": "../secrets/pw", "plain": ""}),
    ],
)
def test_what_commands_say_becomes_facts(fact: Any, output: list[str], found: object) -> None:
    assert fact().process(output) == found
