"""Keys and a host made ready under the real Pulumi engine, on a real host."""

from pathlib import Path

import pulumi
import pytest
from pulumi import automation

from components.errors import SuiteError
from components.plan import Pillar
from engines import pack
from tests.hosts.lab import Lab
from vsi.servers.keys import Keys
from vsi.servers.parts import Certificate, HostReady, StackKeys
from vsi.servers.plan import ServersPlan
from vsi.servers.ready_host import Ready
from vsi.ssh.connection import Connection

pytestmark = pytest.mark.engine
ENGINE = "node_exporter"


def test_a_life(
    lab: Lab, stack: automation.LocalWorkspaceOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = lab["h3"]
    key = host.key.read_text()
    monkeypatch.setenv("TEST_SSH_KEY", key)
    try:
        engines = {name: found.key for name, found in pack.packed([ENGINE]).items()}
    except SuiteError as error:
        pytest.skip(str(error))
    plan = ServersPlan(
        stack="dev",
        parts=(),
        connections=(Connection(host="h3", address=host.address, host_keys=(host.host_key,)),),
        login=(("key", "environment:TEST_SSH_KEY"),),
    )
    names = ["node-exporter", "agent"]

    def program() -> None:
        keys = Keys(StackKeys(place="dev", pillar=Pillar.SERVICES, generated=("one",)))
        part = HostReady(
            place="h3",
            pillar=Pillar.SERVICES,
            engines=(ENGINE,),
            certificates=tuple(Certificate(name=name, sans=("h3", host.address)) for name in names),
        )
        Ready(plan, part, engines, keys, pulumi.ResourceOptions(depends_on=[keys]))
        pulumi.export("ca-key", keys.secret_inputs(["ca-key"])["ca-key"])

    made = automation.create_stack("dev", "p", program, opts=stack)
    heard: list[str] = []
    up = made.up(on_output=heard.append)
    tls = "/var/lib/obs/dev/secrets/tls"
    assert host.run(f"ls {tls}").split() == [
        "agent.key", "agent.pem", "ca.pem", "node-exporter.key", "node-exporter.pem",
    ]  # fmt: skip
    program_path = f"/opt/obs/engines/{ENGINE}/{engines[ENGINE]}/bin/node_exporter"
    assert "version 1" in host.run(f"{program_path} --version 2>&1")
    assert made.up(on_output=heard.append).summary.resource_changes == {"same": 3}
    assert made.refresh(on_output=heard.append).summary.resource_changes == {"same": 3}

    host.run(f"rm {tls}/agent.pem; touch {program_path}")
    refreshed = made.refresh(on_output=heard.append).stdout
    assert "[diff: ~certificates,engines]" in refreshed
    preview = made.preview(on_output=heard.append, diff=True)
    assert '"missing"' in preview.stdout
    assert preview.change_summary == {automation.OpType.SAME: 2, automation.OpType.UPDATE: 1}
    assert made.up(on_output=heard.append).summary.resource_changes == {"same": 2, "update": 1}
    assert made.refresh(on_output=heard.append).summary.resource_changes == {"same": 3}

    names.remove("agent")
    made.up(on_output=heard.append)
    assert "agent" not in host.run(f"ls {tls}")

    texts = [file.read_text(errors="replace") for file in tmp_path.rglob("*.json") if file.is_file()]
    secret = [*up.outputs["ca-key"].value.splitlines()[1:-1], *key.splitlines()[1:-1]]
    for line in secret:
        assert line not in "".join([*texts, *heard])
    made.destroy(on_output=heard.append)
    assert host.run("ls -d /opt/obs /var/lib/obs 2>/dev/null || true") == ""
