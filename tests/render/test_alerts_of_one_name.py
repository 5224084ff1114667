"""Two alerts of one name and different severity: each is tested on its own."""

import yaml

from components.render import prometheus
from components.render.text import texts
from tests import specs
from vsi.site import local_site


def test_the_silent_case_of_one_severity_leaves_the_other_alone() -> None:
    (rule,) = specs.stack()["metrics"]["rules"]["alerts"]
    spec = specs.spec(metrics={"rules": {"alerts": [rule, {**rule, "severity": "critical"}]}})
    files = texts(prometheus.render(spec, local_site(spec)))
    alerts = [
        item
        for group in yaml.safe_load(files["rules/custom.yml"])["groups"]
        for item in group["rules"]
        if "alert" in item
    ]
    assert [item["labels"]["severity"] for item in alerts] == ["warning", "critical"]
    silent = [
        query["expr"]
        for test in yaml.safe_load(files["tests/custom.yml"])["tests"]
        if "silent" in test["name"]
        for query in test["promql_expr_test"]
    ]
    assert [severity in expr for severity, expr in zip(("warning", "critical"), silent, strict=True)] == [
        True,
        True,
    ]
