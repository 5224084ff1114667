"""Fluent Bit's configuration: as committed, of keys that there are, refused where it cannot do."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.render import collector_agent, fluent_bit
from components.render.text import texts
from components.spec import Spec
from components.spec.problem import Problem
from k8s import names
from k8s.parts import Manifest
from k8s.plan import plan
from k8s.refusals import refusals
from k8s.site import site_of
from tests import specs
from tests.render import fluent_bit_grammar, fluent_bit_script, golden

MULTILINE = {"start_pattern": r"^\d{4}-\d{2}", "max_wait": "3s"}
WRAPPED = "/var/log/pods/shop_cart-*/cart/*.log"


def _valid(stack: dict[str, Any]) -> Spec:
    return Spec.model_validate_json(json.dumps(stack))


def _spec(**logging: Any) -> Spec:
    stack = specs.on_kubernetes()
    stack["kubernetes"]["shipper"] = "fluent-bit"
    stack["logging"] |= logging
    stack["services"][0]["logs"] = [{"path": WRAPPED, "format": "text", "multiline": MULTILINE}]
    return _valid(stack)


def _documents(spec: Spec) -> dict[str, str]:
    return texts(fluent_bit.render(spec, site_of(spec)))


def _config(spec: Spec) -> dict[str, Any]:
    found: dict[str, Any] = fluent_bit.render(spec, site_of(spec))[fluent_bit.CONFIG].data
    return found


def test_it_is_as_committed() -> None:
    """Of the script, what this stack tells it: the rest stands beside its renderer."""
    documents = _documents(_spec())
    _, _, told = documents[fluent_bit.SCRIPT].rpartition("\nmake_record = ")
    golden.check("fluent-bit", {fluent_bit.CONFIG: documents[fluent_bit.CONFIG], "told.lua": told})


def test_every_key_is_one_that_there_is() -> None:
    assert fluent_bit_grammar.unknown(_config(_spec())) == []


def test_a_misspelt_key_is_seen() -> None:
    config = _config(_spec())
    config["service"]["storage.pth"] = config["pipeline"]["inputs"][0]["read_from_haed"] = 1
    assert len(fluent_bit_grammar.unknown(config)) == 2


def test_nothing_is_lost_or_doubled() -> None:
    config = _config(_spec())
    (output,) = config["pipeline"]["outputs"]
    assert (output["retry_limit"], output["write_operation"], output["id_key"]) == (
        "no_limits", "create", fluent_bit.ID,
    )  # fmt: skip
    assert "storage.total_limit_size" not in output, "which would drop what is oldest"
    places = [item["db"] for item in config["pipeline"]["inputs"]]
    assert len(set(places)) == len(places)
    for item in config["pipeline"]["inputs"]:
        assert (item["storage.type"], item["storage.pause_on_chunks_overlimit"]) == ("filesystem", True)


def test_the_cluster_holds_the_documents_word_for_word() -> None:
    spec = _spec()
    maps = {
        part.object_name: part.body
        for part in plan(spec, "shop").parts
        if isinstance(part, Manifest) and part.kind == "ConfigMap"
    }
    assert maps[names.conf("fluent-bit")]["data"] == _documents(spec)
    assert names.conf(collector_agent.NAME) not in maps


def _at(problems: list[Problem]) -> set[str]:
    return {".".join(map(str, problem.path)) for problem in problems}


def test_what_it_cannot_do_is_refused_by_name() -> None:
    stack = specs.on_kubernetes()
    stack["kubernetes"]["shipper"] = "fluent-bit"
    stack["logging"]["buffer"] = {"batch": 77}
    stack["logging"]["redaction"] = [{"name": "letters", "pattern": r"\pL{20}"}]
    stack["services"][0]["logs"] = [
        {"path": "/var/log/pods/a,b/*.log", "format": "text", "multiline": {**MULTILINE, "max_lines": 7}}
    ]
    assert _at(refusals(_valid(stack))) == {
        "logging.buffer.batch",
        "logging.redaction.0.pattern",
        "services.0.logs.0.path",
        "services.0.logs.0.multiline.max_lines",
    }
    stack["kubernetes"]["shipper"] = "collector"
    assert refusals(_valid(stack)) == []


def test_records_behind_a_runtime_lose_its_words() -> None:
    """Joined by Fluent Bit's own parser, which leaves the time beside, or line by line."""
    spec = _spec()
    script = fluent_bit_script.of(spec, site_of(spec))
    one = "2026-11-25T11:27:15.696123456Z stdout F "
    sources = _config(spec)["pipeline"]["inputs"]
    assert sources[0]["multiline.parser"] == "start-gateway"
    assert sources[1]["multiline.parser"] == "cri"
    lines = script.call(
        "logs.gateway", (1, 0), {"log": f"{one}first\n{one}  second", "path": "/a", "offset": 9}
    )
    assert lines.record["message"] == "first\n  second"
    joined = {"log": '{"message":"m"}', "time": one.split()[0], "stream": "stdout", "_p": "F", "path": "/a"}
    first, again = (script.call("logs.orders", (1, 0), joined | {"offset": at}) for at in (5, 77))
    assert first.record["message"] == "m"
    assert first.record[fluent_bit.ID] == again.record[fluent_bit.ID], "it is the line's, however it is read"
    later = script.call("logs.orders", (1, 0), joined | {"time": one.split()[0].replace("456Z", "457Z")})
    assert later.record[fluent_bit.ID] != first.record[fluent_bit.ID]


def test_what_no_record_can_be_made_of_is_kept_apart() -> None:
    spec = _spec()
    script = fluent_bit_script.of(spec, site_of(spec))
    script.lua.execute(b"require('record').make = function() error('broken') end")
    made = script.call("logs.orders", (1, 0), {"log": "mail a@b.example 4111111111111111", "path": "/a"})
    assert made.record[fluent_bit.INDEX] == f"{spec.logging.index.prefix}-rejected"
    assert made.record["message"] == "mail [redacted] [card]"
    assert made.record["error"] == {"type": "fluent_bit_filter", "reason": "the filter failed"}


def test_sampling_goes_by_trace_and_by_levels_that_were_said() -> None:
    spec = _spec(sampling={"debug": 0.25, "info": 0.0})
    script = fluent_bit_script.of(spec, site_of(spec))
    codes: dict[str, list[int]] = {}
    for number in range(200):
        for level in ("debug", "DEBUG", "info", "warning"):
            line = f'{{"level":"{level}","trace_id":"{number:032x}","n":{number}}}'
            made = script.call("logs.orders", (1, 0), {"log": line, "path": "/a", "offset": number})
            codes.setdefault(level, []).append(made.code)
    assert codes["debug"] == codes["DEBUG"], "the lines of one request stay or go together"
    assert 25 <= codes["debug"].count(1) <= 80
    assert set(codes["info"]) == {-1}
    assert set(codes["warning"]) == {1}


FLUENT_BIT = os.environ.get("FLUENT_BIT") or shutil.which("fluent-bit")


@pytest.mark.skipif(
    FLUENT_BIT is None, reason="no fluent-bit here: no registry has it (FLUENT_BIT names one)"
)
def test_it_takes_its_configuration(tmp_path: Path) -> None:
    assert FLUENT_BIT is not None
    for name, text in _documents(_spec()).items():
        kept = text.replace(site_of(_spec()).folders.data, str(tmp_path)).replace(
            "file:///etc/obs", f"file://{tmp_path}"
        )
        (tmp_path / name).write_text(kept, encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / fluent_bit.PASSWORD).write_text("secret", encoding="utf-8")
    command = [FLUENT_BIT, "--dry-run", "--config", str(tmp_path / fluent_bit.CONFIG)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
