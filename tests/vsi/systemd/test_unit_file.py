"""The unit file: whole, as goldens; what differs between programs; how exposed a program is."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from components.plan import Pillar
from tests.render import golden
from tests.vsi.systemd.examples import PATHS, STACK, Opt, inventory, unit
from vsi.errors import DeployError
from vsi.paths import StatePaths, Tokens
from vsi.systemd.places import view
from vsi.systemd.script import conf_folder, run_script
from vsi.systemd.unit_file import intact, owner, unit_file
from vsi.unit import HostUnit

INVENTORY = inventory()
SERVICE = "gateway"


def written(one: HostUnit) -> str:
    return unit_file(one, STACK, PATHS)


def values(one: HostUnit, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", written(one), re.M)


def script(one: HostUnit) -> str:
    return run_script(
        one, STACK, Tokens(one.name, view(STACK, one.name, PATHS, conf_folder(one.name)), Opt())
    )


def test_golden(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each kind, with the script that it starts."""
    monkeypatch.setattr(golden, "GOLDENS", Path(__file__).parent / "goldens")
    names = ("prometheus", "opensearch", "collector-agent", "node-exporter", "redis", SERVICE)
    files = {f"{name}.service": written(INVENTORY[name]) for name in names}
    golden.check("units", files | {f"{name}.run": script(INVENTORY[name]) for name in names})


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("name", sorted(INVENTORY))
def test_no_program_is_exposed_above_two(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"obs-{STACK}-{name}.service"
    file.write_text(written(INVENTORY[name]))

    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", file],
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stdout + said.stderr
    assert "Overall exposure level" in said.stdout
    assert said.stderr == "", "every setting is known to it"


def test_a_file_is_known_as_ours_and_as_edited() -> None:
    text = written(unit())
    edited = text.replace("Restart=always", "Restart=no")

    assert intact(text)
    assert not intact(edited)
    assert owner(text) == owner(edited) == (STACK, "prometheus")
    assert owner("[Service]\nExecStart=/bin/true\n") is None
    assert not intact("")


def test_it_starts_after_the_network_and_what_it_needs_on_its_host() -> None:
    one = unit("jaeger", needs=("opensearch",))

    assert values(one, "After") == ["network-online.target obs-dev-opensearch.service"]
    assert values(one, "Wants") == ["network-online.target"]


def test_secrets_and_certificates_are_credentials_of_its_own() -> None:
    one = unit(secrets=("opensearch-reader",), certificates=("prometheus",))

    assert values(one, "LoadCredential") == [
        "opensearch-reader:/var/lib/obs/dev/secrets/opensearch-reader",
        "ca.pem:/var/lib/obs/dev/secrets/tls/ca.pem",
        "prometheus.pem:/var/lib/obs/dev/secrets/tls/prometheus.pem",
        "prometheus.key:/var/lib/obs/dev/secrets/tls/prometheus.key",
    ]
    assert 'ln -s "$CREDENTIALS_DIRECTORY" ../credentials\n' in script(one)
    assert values(unit(), "LoadCredential") == []
    assert "CREDENTIALS" not in script(unit())


def test_only_what_reloads_has_a_way_to() -> None:
    assert values(unit(process={"reload": "SIGHUP"}), "ExecReload") == ['/bin/sh -c "kill -HUP $$MAINPID"']
    assert values(unit(), "ExecReload") == []


def test_memory_has_room_above_what_is_expected() -> None:
    assert values(unit(memory_mb=300), "MemoryMax") == ["1028M"]
    assert values(unit(memory_mb=300), "MemoryHigh") == ["664M"]


def test_a_jvm_may_compile_and_run_what_it_unpacked() -> None:
    one = INVENTORY["opensearch"]

    assert values(one, "MemoryDenyWriteExecute") == ["no"]
    assert values(one, "ExecPaths") == ["-/var/lib/private/obs/dev/data/opensearch"]
    assert values(one, "LimitNOFILE") == ["65535"]
    assert values(one, "SystemCallFilter")[-1] == "seccomp"


def test_somebody_elses_service_may_compile_ours_need_not() -> None:
    theirs = unit("shop", pillar=Pillar.SERVICES, process={"command": ("java", "-jar", "shop.jar")})

    assert values(theirs, "MemoryDenyWriteExecute") == ["no"]
    assert values(INVENTORY[SERVICE], "MemoryDenyWriteExecute") == ["yes"]


def test_the_log_agent_reads_logs_of_others_but_no_secrets_of_ours() -> None:
    one = INVENTORY["collector-agent"]

    assert values(one, "AmbientCapabilities") == ["CAP_DAC_READ_SEARCH"]
    assert values(one, "PrivateUsers") == ["no"]
    assert "/var/lib/obs:ro" in values(one, "TemporaryFileSystem")
    assert values(one, "ProtectHome") == ["yes"]


def test_the_log_agent_sees_homes_only_where_a_log_lies_there() -> None:
    one = unit("collector-agent", files=(("collector.yaml", "include: [/home/app/logs/*.log]\n"),))

    assert values(one, "ProtectHome") == ["read-only"]


def test_a_state_folder_that_systemd_would_read_differently_is_refused() -> None:
    with pytest.raises(DeployError, match="state folder '/var/lib/100%/dev'"):
        unit_file(unit(), STACK, StatePaths(Path("/var/lib/100%/dev")))


def test_a_service_writes_a_file_for_the_log_agent() -> None:
    one = INVENTORY[SERVICE]

    assert values(one, "LogsDirectory") == [f"obs/dev/{SERVICE}"]
    assert f"\nlog=/var/log/obs/dev/{SERVICE}/{SERVICE}.log\n" in script(one)
    assert script(one).endswith(" >../said 2>&1\n")
    assert values(INVENTORY["redis"], "LogsDirectory") == [], "redis is no service, whatever its pillar"


def test_arguments_and_variables_are_quoted_in_the_script_alone() -> None:
    odd = "a%b $HOME \\n 'x' \"y\"\nz"
    one = unit(process={"command": ("/bin/echo", odd), "environment": (("ODD", odd),)})

    assert odd.partition("\n")[0] not in written(one)
    assert (
        subprocess.run(
            ["sh", "-c", script(one).partition("export LANG")[2].join(["export LANG", ""])],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        == odd + "\n"
    )
