"""Dashboards and data sources."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.dashboards import dashboards
from components.dashboards.model import Dashboard
from components.render import grafana
from components.render.text import texts
from tests.render import golden
from tests.render.engines import program, run
from tests.specs import spec
from vsi.site import local_site

SPEC = spec()
FILES = texts(grafana.render(SPEC, local_site(SPEC)))
PAGES = {path: json.loads(text) for path, text in FILES.items() if path.startswith("dashboards/")}


def panels(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in page["panels"] if panel["type"] != "row"]


def test_golden() -> None:
    shown = ("dashboards/service-payments.json", "dashboards/promises.json", "datasources.yaml")
    golden.check("grafana", {path: FILES[path] for path in shown})


def test_each_page_has_an_address_of_its_own() -> None:
    uids = [page["uid"] for page in PAGES.values()]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"[a-z0-9-]{1,40}", uid) for uid in uids), uids


@pytest.mark.parametrize("path", PAGES)
def test_panels_lie_side_by_side_and_never_on_each_other(path: str) -> None:
    places = [panel["gridPos"] for panel in PAGES[path]["panels"]]
    taken: set[tuple[int, int]] = set()
    for place in places:
        cells = {
            (place.get("x", 0) + x, place.get("y", 0) + y)
            for x, y in itertools.product(range(place["w"]), range(place["h"]))
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.parametrize("path", PAGES)
def test_ids_and_letters_are_unique(path: str) -> None:
    ids = [panel["id"] for panel in PAGES[path]["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels(PAGES[path]):
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == [*"ABCDEFGH"[: len(letters)]], panel["title"]


def test_every_source_that_a_panel_asks_is_provisioned() -> None:
    there = {(item["uid"], item["type"]) for item in yaml.safe_load(FILES["datasources.yaml"])["datasources"]}
    asked = {
        (panel["datasource"]["uid"], panel["datasource"]["type"])
        for page in PAGES.values()
        for panel in panels(page)
    }
    assert asked == there


def test_no_password_stands_in_them() -> None:
    sources = yaml.safe_load(FILES["datasources.yaml"])["datasources"]
    assert sources[-1]["secureJsonData"] == {"basicAuthPassword": "${OBS_OPENSEARCH_READER}"}


def test_a_new_service_touches_its_own_page_and_those_of_all() -> None:
    further = {"name": "billing", "owner": "checkout", "language": "go", "version": "1", "slo": {},
               "metrics": [{"address": "127.0.0.1:9900"}]}  # fmt: skip
    services = [item.model_dump(mode="json", exclude_defaults=True) for item in SPEC.services]
    whole = spec(services=[*services, further])
    after = texts(grafana.render(whole, local_site(whole)))
    changed = {path for path in after if after[path] != FILES.get(path)}
    assert changed == {"dashboards/service-billing.json", "dashboards/promises.json"}


def test_a_stack_without_node_exporter_has_no_page_of_hosts() -> None:
    assert "hosts" not in {page.name for page in dashboards(spec(metrics={"exporters": ["redis"]}))}


@pytest.mark.engine
@pytest.mark.parametrize("page", dashboards(SPEC), ids=lambda page: page.name)
def test_prometheus_understands_every_query(page: Dashboard, tmp_path: Path) -> None:
    """As recordings, which promtool reads like any query."""
    rules = [{"record": f"q{index}", "expr": query.expr} for index, query in enumerate(page.queries)]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": page.name, "rules": rules}]}))
    done = run([program("prometheus", "promtool"), "check", "rules", "queries.yml"], tmp_path)
    assert done.returncode == 0, done.stdout
    assert f"{len(rules)} rules found" in done.stdout
