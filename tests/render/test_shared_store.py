"""One OpenSearch for several stacks: each tenant reaches its own indices, and nobody else's."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from components.spec import Spec
from targets import plan
from tests import specs

TENANTS = ["ana", "ana2"]
OF_ANA = (
    "ana-logs-2026.11.29",
    "ana-logs-rejected-2026.11.29",
    "ana-jaeger-jaeger-span-2026-11-29",
    "ana-jaeger-jaeger-span-read",
    "ana-jaeger-jaeger-service-2026-11-29",
)
"""Names that a tenant's data has."""


def _spec(**store: Any) -> Spec:
    stack = specs.stack()
    stack["environment"]["target"] = "local"
    stack["logging"]["store"] = store
    if "tenants" in store:
        stack |= {"services": [], "metrics": {"exporters": ["opensearch"]}}
    return Spec.model_validate_json(json.dumps(stack))


def _texts(spec: Spec, unit: str) -> dict[str, str]:
    """What a unit of a plan reads, by path."""
    return next(dict(part.files) for part in plan(spec, "test").parts if part.name == unit)


def _files(spec: Spec) -> dict[str, Any]:
    """Unit/path -> what a JSON file of a plan holds."""
    return {
        f"{part.name}/{path}": json.loads(text)
        for part in plan(spec, "test").parts
        for path, text in part.files
        if path.endswith(".json")
    }


@pytest.fixture(scope="module")
def store() -> dict[str, Any]:
    return _files(_spec(tenants=TENANTS))


def test_a_store_is_nothing_else() -> None:
    made = plan(_spec(tenants=TENANTS), "test")

    assert sorted(part.name for part in made.parts) == ["housekeeper", "opensearch"]
    assert {f"opensearch-{tenant}-reader" for tenant in TENANTS} <= {secret.name for secret in made.secrets}


@pytest.mark.parametrize("user", ["collector", "jaeger", "reader"])
def test_a_tenants_roles_name_its_own_indices_alone(store: dict[str, Any], user: str) -> None:
    roles = store["opensearch/setup/security/roles.json"]

    def reached(tenant: str) -> set[str]:
        patterns = [
            pattern
            for permission in roles[f"obs-{tenant}-{user}"]["index_permissions"]
            for pattern in permission["index_patterns"]
        ]
        return {name for name in OF_ANA for pattern in patterns if fnmatchcase(name, pattern)}

    assert reached("ana"), "a pattern that finds its own"
    assert not reached("ana2")


def test_a_tenant_may_write_nothing_that_holds_for_others(store: dict[str, Any]) -> None:
    roles = store["opensearch/setup/security/roles.json"]

    of_tenants = [role for name, role in roles.items() if name.startswith(("obs-ana-", "obs-ana2-"))]
    allowed = {action for role in of_tenants for action in role["cluster_permissions"]}
    to_indices = {
        action
        for role in of_tenants
        for one in role["index_permissions"]
        for action in one["allowed_actions"]
    }

    assert "indices:data/write/bulk" in allowed
    assert not [action for action in allowed if re.search("template|pipeline|state|admin|clear", action)]
    assert "indices:data/read/scroll*" not in allowed, "which ends others' searches"
    assert {"indices:admin/auto_create", "indices:admin/create"} <= to_indices, "writing needs both"
    assert not {"indices:admin/aliases", "indices:admin/delete", "*"} & to_indices


def test_no_index_of_a_shared_store_has_more_shards_than_its_stack_says() -> None:
    limit = "-Dopensearch.index.max_number_of_shards=1"

    assert limit in _texts(_spec(tenants=TENANTS), "opensearch")["jvm.options"].splitlines()
    assert "max_number_of_shards" not in _texts(specs.spec(), "opensearch")["jvm.options"]


def test_each_index_of_a_tenant_has_its_template_and_its_pipeline(store: dict[str, Any]) -> None:
    span = store["opensearch/setup/templates/obs-ana-jaeger-span.json"]
    day = store["opensearch/setup/pipelines/obs-ana-jaeger-span.json"]

    assert span["index_patterns"] == ["ana-jaeger-jaeger-span-*"]
    assert span["settings"]["index.default_pipeline"] == "obs-ana-jaeger-span"
    assert span["mappings"]["properties"]["traceID"]["type"] == "keyword", "its Jaeger may not say so"
    assert "'ana-jaeger-jaeger-span-'" in day["processors"][0]["script"]["source"]
    logs = store["opensearch/setup/index-templates/obs-ana2-logs.json"]
    assert logs["index_patterns"] == ["ana2-logs-2*"]


def test_a_tenants_indices_come_into_being_without_a_restart_for_a_new_one() -> None:
    two, three = (_texts(_spec(tenants=names), "opensearch") for names in (TENANTS, [*TENANTS, "bo"]))
    allowed = yaml.safe_load(two["opensearch.yml"])["action.auto_create_index"].split(",")

    daily = [name for name in OF_ANA if name[-1].isdigit()]
    assert len(daily) == 4
    for name in daily:
        assert any(fnmatchcase(name, pattern[1:]) for pattern in allowed[:-1]), name
    assert allowed[-1] == "-*"
    assert not any(fnmatchcase("ana-log-2026.11.29", pattern[1:]) for pattern in allowed[:-1])
    changed = {path for path in three if two.get(path) != three[path]}
    assert changed
    assert all(path.startswith("setup/") for path in changed)


def test_a_tenant_keeps_of_the_stores_metrics_its_own_kinds_under_their_usual_names() -> None:
    spec = _spec(address="127.0.0.1:9", housekeeper="127.0.0.1:8", tenant="ana")
    [job] = yaml.safe_load(_texts(spec, "prometheus")["scrape/housekeeper.yml"])["scrape_configs"]
    keep, rename = job["metric_relabel_configs"][-2:]

    def kept(kind: str) -> str | None:
        if not re.fullmatch(keep["regex"], kind):
            return None
        match = re.fullmatch(rename["regex"], kind)
        return match[1] if match else kind

    assert (keep["action"], rename["target_label"]) == ("keep", "kind")
    assert [kept(kind) for kind in ("", "logs of ana", "logs of ana2", "spans of bo")] == [
        "",
        "logs",
        None,
        None,
    ]


def test_the_housekeeper_of_a_store_keeps_every_tenants_indices(store: dict[str, Any]) -> None:
    kept = store["housekeeper/settings.json"]["indices"]
    role = store["opensearch/setup/security/roles.json"]["obs-housekeeper"]

    assert len({one["kind"] for one in kept}) == len(kept) == 4 * len(TENANTS)
    patterns = role["index_permissions"][0]["index_patterns"]
    assert all(any(fnmatchcase(name, pattern) for pattern in patterns) for name in OF_ANA)


def test_a_tenant_runs_no_store_and_logs_in_as_itself() -> None:
    spec = _spec(address="127.0.0.1:9", housekeeper="127.0.0.1:8", tenant="ana")
    made = plan(spec, "test")
    parts = {part.name: part for part in made.parts}

    assert not {"opensearch", "housekeeper"} & set(parts)
    assert all(need.partition("@")[0] in parts for part in made.parts for need in part.needs)
    assert "ana-collector" in dict(parts["collector"].files)["collector.yaml"]
    jaeger = dict(parts["jaeger"].files)["jaeger.yaml"]
    assert "username: ana-jaeger" in jaeger
    assert "create_mappings: false" in jaeger
    assert "../../../secrets/opensearch-ca" in jaeger
    assert all("opensearch-ca" in parts[name].secrets for name in ("collector", "jaeger", "pages"))
    sources = {secret.name: (secret.source, secret.key) for secret in made.secrets}
    assert sources["opensearch-jaeger"] == ("environment", "OBS_STORE_JAEGER")


def _said(**store: Any) -> list[str]:
    return [str(problem) for problem in _spec(**store).problems()]


def test_a_tenant_says_nothing_that_its_store_decides() -> None:
    stack = specs.stack()
    stack["logging"]["store"] = {"address": "127.0.0.1:9", "housekeeper": "127.0.0.1:8", "tenant": "ana"}
    stack["logging"]["retention"] = "9d"
    said = [str(problem) for problem in Spec.model_validate_json(json.dumps(stack)).problems()]

    assert any(line.startswith("logging.index.prefix") and "begins with 'ana-'" in line for line in said)
    assert any(line.startswith("logging.retention") and "left out" in line for line in said)


def test_half_of_a_tenant_is_refused() -> None:
    (said,) = (line for line in _said(address="127.0.0.1:9", housekeeper="127.0.0.1:8") if ".tenant" in line)

    assert "missing; expected a value beside address, housekeeper" in said


def test_a_store_has_no_services() -> None:
    stack = specs.stack()
    stack["logging"]["store"] = {"tenants": ["ana", "ana"]}
    said = [str(problem) for problem in Spec.model_validate_json(json.dumps(stack)).problems()]

    assert any(line.startswith("services") and "a store and nothing else" in line for line in said)
    assert any(line.startswith("logging.store.tenants[1]") and "unique" in line for line in said)


def test_each_tenant_is_told_by_the_housekeeper_of_its_own_data_alone(store: dict[str, Any]) -> None:
    settings = store["housekeeper/settings.json"]
    kinds = {kept["kind"] for kept in settings["indices"]}

    told = {one["user"]: (one["password_file"], set(one["kinds"])) for one in settings["readers"]}
    assert {user: file for user, (file, _) in told.items()} == {
        f"{tenant}-reader": f"../../../secrets/opensearch-{tenant}-reader" for tenant in TENANTS
    }
    assert set.union(*(own for _, own in told.values())) == kinds
    assert not told["ana-reader"][1] & told["ana2-reader"][1]
    spec = _spec(tenants=TENANTS)
    [housekeeper] = [part for part in plan(spec, "test").parts if part.name == "housekeeper"]
    assert {f"opensearch-{tenant}-reader" for tenant in TENANTS} <= set(housekeeper.secrets)
