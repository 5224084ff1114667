"""Fluent Bit beside a container: of keys that there are, and the records that a file's lines become."""

import json
from pathlib import Path
from typing import Any

import pytest

from aws.site import site_of
from components.render import fluent_bit, fluent_bit_forward
from components.render.text import texts
from components.spec import Spec
from tests import specs
from tests.render import fluent_bit_grammar, golden
from tests.render.fluent_bit_script import Made, Script

LINE = json.dumps({"level": "error", "message": "declined", "order_id": "7"})
AT = (1_795_608_000, 123_456_789)


def _spec(**log: Any) -> Spec:
    return specs.spec_on_aws(services=specs.service("orders", logs=[log])[:4])


def _documents(spec: Spec, conf: str) -> dict[str, str]:
    return texts(fluent_bit_forward.render(spec, site_of(spec), spec.services[1], conf))


def _made(tmp_path: Path, *lines: tuple[tuple[int, int], str, str], **log: Any) -> list[Made]:
    """What becomes of lines: moment, container and text of each."""
    for name, text in texts(fluent_bit_forward.shared()).items():
        (tmp_path / name).write_text(text)
    script = Script(_documents(_spec(**log), str(tmp_path))[fluent_bit.SCRIPT], AT[0])
    return [
        script.call("logs.orders", at, {"log": text, "container_id": of, "source": "stdout"})
        for at, of, text in lines
    ]


@pytest.mark.parametrize("log", [{}, {"format": "text", "multiline": {"start_pattern": r"^\d{4}"}}])
def test_every_key_is_one_that_there_is(log: dict[str, Any]) -> None:
    spec = _spec(**log)
    found = fluent_bit_forward.render(spec, site_of(spec), spec.services[1], "/conf")
    assert fluent_bit_grammar.unknown(found[fluent_bit.CONFIG].data) == []


def test_it_is_as_committed() -> None:
    golden.check("fluent-bit-forward", _documents(_spec(), "/conf"))


def test_a_line_becomes_the_record_of_its_service(tmp_path: Path) -> None:
    [made] = _made(tmp_path, (AT, "c1", LINE))
    assert (made.code, made.at) == (1, AT)
    found = {key: made.record[key] for key in ("service", "log_level", "message", "order_id", "env")}
    assert found == {
        "service": "orders", "log_level": "error", "message": "declined", "order_id": "7", "env": "local",
    }  # fmt: skip
    assert not {"container_id", "source", "log"} & made.record.keys()


def test_what_is_secret_is_taken_out(tmp_path: Path) -> None:
    [made] = _made(tmp_path, (AT, "c1", json.dumps({"level": "info", "message": "of jo@shop.example"})))
    assert "jo@" not in json.dumps(made.record)


def test_equal_lines_of_other_moments_or_containers_are_other_records(tmp_path: Path) -> None:
    later = (AT[0], AT[1] + 1)
    made = _made(tmp_path, (AT, "c1", LINE), (AT, "c1", LINE), (later, "c1", LINE), (AT, "c2", LINE))
    ids = [one.record[fluent_bit.ID] for one in made]
    assert ids[0] == ids[1], "sent twice, a line is stored once"
    assert len(set(ids)) == 3


def test_a_service_without_logs_or_without_a_process_has_no_shipper() -> None:
    spec = specs.spec_on_aws(services=[*specs.service("orders", logs=[])[:4], specs.on_aws()["services"][4]])
    site = site_of(spec)
    assert fluent_bit_forward.render(spec, site, spec.services[1], "/conf") == {}
    assert fluent_bit_forward.log_of(spec.services[4]) is None
