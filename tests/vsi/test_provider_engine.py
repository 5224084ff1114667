"""The provider under the real Pulumi engine: what a preview shows, and what its state holds."""

from typing import Any

import pulumi
import pytest
from pulumi import automation

from components.plan import Secret
from tests.vsi.conftest import Place
from vsi.provider import Unit

pytestmark = pytest.mark.engine
VALUE = "s3cret-Value-of-a-hook"
SECRETS = (
    Secret(name="hook", source="environment", key="HOOK"),
    Secret(name="made", source="generated", key=""),
)


def test_previews_name_files_and_state_holds_no_secret(place: Place, workspace: dict[str, Any]) -> None:
    rules = {"rules/gateway.yml": "groups: []\n"}
    text = "one"

    def program() -> None:
        refusal = (
            "! grep refused app.conf || { echo line 7 is wrong, with $(cat ../../../secrets/hook); exit 1; }"
        )
        check = ("sh", "-c", refusal)
        alpha = place.unit(text=text, files=rules, checks=(check,), secrets=("hook", "made"))
        beta = place.unit("beta", needs=("alpha@local",))
        plan = place.plan(alpha, beta, secrets=SECRETS, tls_names=("admin",))
        first = Unit(plan, alpha, {}, {"hook": VALUE})
        Unit(plan, beta, {}, opts=pulumi.ResourceOptions(depends_on=[first]))

    options = automation.LocalWorkspaceOptions(project_settings=workspace["project_settings"])
    stack = automation.create_stack("dev", "p", program, opts=options)
    heard: list[str] = []
    stack.up(on_output=heard.append)
    assert (place.served(), place.served("beta")) == ("one", "one")
    pids = place.pid("alpha"), place.pid("beta")
    assert stack.up().summary.resource_changes == {"same": 3}
    assert stack.refresh().summary.resource_changes == {"same": 3}

    text = "two"
    preview = stack.preview()
    assert preview.change_summary == {automation.OpType.SAME: 2, automation.OpType.UPDATE: 1}
    assert "[diff: ~app.conf]" in preview.stdout

    place.conf("rules/gateway.yml").write_text("by hand\n")
    place.supervisor.stop("beta")
    refreshed = stack.refresh()
    assert "[diff: ~rules/gateway.yml]" in refreshed.stdout
    assert "[diff: ~process_state]" in refreshed.stdout
    detail = stack.preview(diff=True, on_output=heard.append).stdout
    assert "- by hand" in detail
    assert '~ process_state: "stopped" => "running"' in detail
    stack.up(on_output=heard.append)
    assert place.conf("rules/gateway.yml").read_text() == "groups: []\n"
    assert (place.served(), place.pid("alpha")) == ("two", pids[0])
    assert place.program("beta").running

    text = "refused"
    with pytest.raises(automation.CommandError) as failure:
        stack.up(on_output=heard.append)
    said = str(failure.value)
    assert "alpha: check 1 (sh) rejected the new configuration; the running one is untouched" in said
    assert "line 7 is wrong, with ***" in said
    assert "Traceback" not in said
    assert place.served() == "two"

    made = (place.state.secrets / "made").read_text()
    state = "".join(p.read_text(errors="replace") for p in workspace["backend"].rglob("*") if p.is_file())
    assert "secret_hook" in state
    for secret in (VALUE, made):
        assert secret not in state
        assert secret not in "".join(heard) + preview.stdout + refreshed.stdout + said
    stack.destroy()
    assert place.running() == []
