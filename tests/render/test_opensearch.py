"""What OpenSearch is given, as pure text; `tests/engine/test_opensearch_store.py` gives it to the engine."""

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.render import opensearch, opensearch_store
from components.render.text import texts
from components.rules.opensearch import WATERMARK_LOW_GIB
from components.spec import Spec
from components.spec.logging import CORE_FIELDS
from tests import specs
from tests.render import golden
from vsi.site import local_site


def rendered(**changes: Any) -> dict[str, str]:
    spec = specs.spec(**changes)
    return texts(opensearch.render(spec, local_site(spec)))


def template(spec: Spec) -> dict[str, Any]:
    files = texts(opensearch.render(spec, local_site(spec)))
    body: dict[str, Any] = json.loads(files["setup/index-templates/obs-logs.json"])["template"]
    return body


def test_golden() -> None:
    golden.check("opensearch", rendered())


def test_every_kind_of_index_is_allowed_and_covered_by_one_template() -> None:
    files = rendered(logging={"index": {"prefix": "shop"}}, tracing={"storage": {"index_prefix": "traces"}})
    settings = yaml.safe_load(files["opensearch.yml"])
    allowed = settings["action.auto_create_index"].split(",")
    assert allowed == [
        "+shop-2*", "+shop-rejected-2*", "+traces-jaeger-service-2*", "+traces-jaeger-span-2*", "-*",
    ]  # fmt: skip
    patterns = [
        pattern
        for path, text in files.items()
        if path.startswith("setup/index-templates/")
        for pattern in json.loads(text)["index_patterns"]
    ]
    assert sorted(patterns) == ["shop-2*", "shop-rejected-2*"]
    roles = json.loads(files["setup/security/roles.json"])
    for role in roles.values():
        for permission in role["index_permissions"]:
            for pattern in permission["index_patterns"]:
                assert pattern == "*" or pattern.startswith(("shop-", "traces-jaeger-"))


def test_only_statistics_may_be_read_of_every_index() -> None:
    roles = json.loads(rendered()["setup/security/roles.json"])
    for name, role in roles.items():
        for permission in role["index_permissions"]:
            if "*" in permission["index_patterns"]:
                assert name == "obs-exporter"
                assert permission["allowed_actions"] == ["indices:admin/aliases/get", "indices:monitor/*"]


def test_core_fields_labels_enrichment_and_named_fields_are_mapped() -> None:
    fields = [
        {"name": name, "type": name}
        for name in ("keyword", "text", "long", "double", "boolean", "date", "ip")
    ]
    spec = specs.spec(logging={"fields": fields, "enrichment": {"rack": "r1"}})
    mapped = template(spec)["mappings"]["properties"]
    assert set(CORE_FIELDS) <= mapped.keys()
    assert {"region", "team", "rack"} <= mapped.keys()
    for field in fields:
        assert mapped[field["name"]]["type"] == field["type"]
    assert template(spec)["mappings"]["dynamic"] is False


@pytest.mark.parametrize(
    ("names", "enrichment", "path"),
    [
        (("a.b", "a"), (), ("logging", "fields", 0, "name")),
        (("a.b.c",), ("a",), ("logging", "fields", 0, "name")),
        (("a",), ("a.b",), ("logging", "enrichment", "a.b")),
        (("message.raw",), (), ("logging", "fields", 0, "name")),
        ((), ("region.zone",), ("logging", "enrichment", "region.zone")),
        (("a.b", "a.c", "ab"), ("a.d",), None),
    ],
)
def test_a_field_inside_one_that_holds_a_value_is_refused(
    names: tuple[str, ...], enrichment: tuple[str, ...], path: tuple[str | int, ...] | None
) -> None:
    logging = {
        "fields": [{"name": name, "type": "long"} for name in names],
        "enrichment": dict.fromkeys(enrichment, "x"),
    }
    stack = Spec.model_validate_json(json.dumps(specs.stack() | {"logging": logging}))
    assert [problem.path for problem in stack.problems()] == ([path] if path else [])


def test_a_named_field_decides_over_what_enrichment_would_be() -> None:
    spec = specs.spec(logging={"fields": [{"name": "rack", "type": "long"}], "enrichment": {"rack": "7"}})
    assert template(spec)["mappings"]["properties"]["rack"] == {"type": "long"}


def test_shards_replicas_and_refresh_reach_templates_and_indices_that_exist() -> None:
    index = {"shards": 3, "replicas": 2, "refresh_interval": "1w"}
    spec = specs.spec(logging={"index": index}, tracing={"storage": {"shards": 4, "replicas": 5}})
    settings = template(spec)["settings"]
    assert settings["index.number_of_shards"] == "3"
    assert settings["index.number_of_replicas"] == "2"
    assert settings["index.refresh_interval"] == "7d"
    files = texts(opensearch.render(spec, local_site(spec)))
    live = json.loads(files["setup/settings.json"])["live_settings"]
    assert live["logs-2*"] == {"number_of_replicas": "2", "refresh_interval": "7d"}
    assert live["jaeger-jaeger-span-2*"] == {"number_of_replicas": "5"}
    jaeger = json.loads(files["setup/templates/obs-jaeger-span.json"])["settings"]
    assert (jaeger["index.number_of_shards"], jaeger["index.number_of_replicas"]) == ("4", "5")


def test_the_heap_is_fixed() -> None:
    options = rendered(deploy={"opensearch_heap_mb": 1234})["jvm.options"].splitlines()
    assert {"-Xms1234m", "-Xmx1234m"} <= set(options)


def test_no_user_and_no_password_is_in_the_first_configuration() -> None:
    files = rendered()
    assert list(yaml.safe_load(files["opensearch-security/internal_users.yml"])) == ["_meta"]
    assert json.loads(files["setup/security/users.json"])["jaeger"] == {
        "role": "obs-jaeger",
        "secret": "opensearch-jaeger",
    }
    assert 'password"' not in "".join(files.values())


def test_every_user_has_its_role_and_every_role_its_user() -> None:
    files = rendered()
    users = json.loads(files["setup/security/users.json"])
    assert {user["role"] for user in users.values()} == json.loads(files["setup/security/roles.json"]).keys()
    assert {user["secret"] for user in users.values()} == set(opensearch_store.secrets(specs.spec()))


def test_no_absolute_path_is_rendered() -> None:
    for path, text in rendered().items():
        assert "/tmp" not in text, path
        assert "/home" not in text, path
        assert ": /" not in text, path


def test_a_template_or_role_is_of_the_files_that_need_no_restart() -> None:
    before, after = (
        rendered(),
        rendered(logging={"fields": []}, tracing={"storage": {"replicas": 0, "shards": 2}}),
    )
    changed = [path for path in before if before[path] != after[path]]
    assert changed
    assert all(path.startswith(opensearch.SETUP_ONLY) for path in changed)


@pytest.mark.parametrize(
    ("given_", "written"), [("5s", "5s"), ("500ms", "500ms"), ("2m", "2m"), ("1d", "1d"), ("3w", "21d")]
)
def test_durations_are_written_as_opensearch_reads_them(given_: str, written: str) -> None:
    assert opensearch_store.time_value(given_) == written


@settings(deadline=None, max_examples=25)
@given(st.integers(1024, 65000), st.integers(256, 31000), st.sampled_from(["logs", "shop-logs", "a"]))
def test_files_are_always_whole_and_the_same(base: int, heap: int, prefix: str) -> None:
    changes = {
        "deploy": {"port_base": base, "opensearch_heap_mb": heap},
        "logging": {"index": {"prefix": prefix}},
    }
    files = rendered(**changes)
    assert files == rendered(**changes)
    assert list(files) == sorted(files)
    for path, text in files.items():
        assert text.endswith("\n")
        if path.endswith(".json"):
            json.loads(text)
        if path.endswith(".yml"):
            yaml.safe_load(text)


def test_the_watermark_is_the_one_that_the_alert_knows() -> None:
    made = specs.spec()
    text = "".join(texts(opensearch.render(made, local_site(made))).values())
    assert re.search(rf"watermark\.low\W+{WATERMARK_LOW_GIB}gb", text)
