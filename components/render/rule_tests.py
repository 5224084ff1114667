"""promtool tests from the cases that alerts bring: the engine itself shows each one firing and silent."""

import json
from typing import Any

from components.render.document import Document, Documents
from components.render.rules import Alert, Case, Firing, Query, RuleFile, Series, annotations, filled, labels
from components.site import Site
from components.spec import Spec
from components.spec.metrics import AlertRule, RuleCase


def render(spec: Spec, site: Site, file: RuleFile) -> Documents:
    """`tests/<name>.yml`, and `tests/<name>.<step>.yml` for cases evaluated at a coarser step, since promtool
    has one step a file. Paths are relative to the tests folder."""
    by_step: dict[str, list[dict[str, Any]]] = {}
    for alert in file.alerts:
        for case in alert.cases:
            by_step.setdefault(case.step, []).append(_alert_test(spec, site, alert, case))
    for query in file.queries:
        by_step.setdefault("1m", []).append(_query_test(query))
    return {
        f"tests/{file.name}{'' if step == '1m' else '.' + step}.yml": Document(
            _file(file, step, _merged(tests)), "yaml"
        )
        for step, tests in sorted(by_step.items())
    }


def render_custom(file: RuleFile, rules: tuple[AlertRule, ...]) -> Documents:
    """`tests/custom.yml`: the user's own alerts under the data they brought. What labels the expression's
    result has is theirs to know, so the tests ask for the alert's name, severity and team."""
    tests = []
    for rule in rules:
        firing = f'ALERTS{{alertname="{rule.name}",alertstate="firing"}}'
        ours = firing.replace("}", f',severity="{rule.severity}",team="{rule.team}"}}')
        tests.append(_query_test(_custom(rule, "fires", rule.fires, f"count({ours}) > bool 0", 1.0)))
        # One of another severity may well fire on the same data; else nothing of the name may.
        shared = sum(other.name == rule.name for other in rules) > 1
        none = f"count({ours if shared else firing}) or vector(0)"
        tests.append(_query_test(_custom(rule, "silent", rule.silent, none, 0.0)))
    return {f"tests/{file.name}.yml": Document(_file(file, "1m", tests), "yaml")}


def _custom(rule: AlertRule, name: str, case: RuleCase, expr: str, value: float) -> Query:
    series = tuple((item.series, item.values) for item in case.series)
    return Query(f"{rule.name} {name}", series, case.after, expr, (("{}", value),))


def _file(file: RuleFile, step: str, tests: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "rule_files": [f"../rules/{file.name}.yml"],
        "evaluation_interval": step,
        "group_eval_order": [group.name for group in file.groups],
        "tests": tests,
    }


def _merged(tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tests on the same data as one, in the order of the first: promtool makes a database for each."""
    found: dict[str, dict[str, Any]] = {}
    for test in tests:
        data = json.dumps([test["interval"], test["input_series"]])
        if data not in found:
            found[data] = test
            continue
        whole = found[data]
        whole["name"] = f"{whole['name']}; {test['name']}"
        for kind in ("alert_rule_test", "promql_expr_test"):
            if kind in test:
                whole.setdefault(kind, []).extend(test[kind])
    return list(found.values())


def _input(series: Series) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in series]


def _alert_test(spec: Spec, site: Site, alert: Alert, case: Case) -> dict[str, Any]:
    return {
        "name": f"{alert.name} {'fires' if case.fires else 'silent'}: {case.name}",
        "interval": case.interval,
        "input_series": _input(case.series),
        "alert_rule_test": [
            {
                "eval_time": case.at,
                "alertname": alert.name,
                "exp_alerts": [_expected(spec, site, alert, firing) for firing in case.fires],
            }
        ],
    }


def _expected(spec: Spec, site: Site, alert: Alert, firing: Firing) -> dict[str, Any]:
    own = {name: filled(value, firing) for name, value in labels(alert).items()}
    every = {**firing.labels, **spec.environment.labels, **own}
    return {
        "exp_labels": dict(sorted(every.items())),
        "exp_annotations": {
            name: filled(text, firing) for name, text in annotations(spec, site, alert).items()
        },
    }


def _query_test(query: Query) -> dict[str, Any]:
    return {
        "name": query.name,
        "interval": "1m",
        "input_series": _input(query.series),
        "promql_expr_test": [
            {
                "expr": query.expr,
                "eval_time": query.at,
                "exp_samples": [{"labels": labels_, "value": value} for labels_, value in query.samples],
            }
        ],
    }
