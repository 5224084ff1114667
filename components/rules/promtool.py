"""promtool tests from the cases that alerts bring: the engine itself shows each one firing and silent."""

import json
import re
from dataclasses import dataclass
from typing import Any

from components.render.document import Document, Documents
from components.rules.model import (
    START,
    Alert,
    Case,
    Firing,
    Query,
    Recording,
    RuleFile,
    Series,
    annotations,
    filled,
    labels,
)
from components.site import Site
from components.spec import Spec, milliseconds
from components.spec.metrics import AlertRule, RuleCase

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@dataclass
class _Test:
    """What stands on one database of promtool's: data, and what is asked about them."""

    content: dict[str, Any]
    reads: set[str]
    """Names that the judged rules might read."""
    brings: set[str]
    """Metrics of the data."""

    def blind_to(self, other: "_Test") -> bool:
        """Whether neither sees the other's data, so that both give the same results on one database."""
        return not (self.brings & (other.reads | other.brings) or self.reads & other.brings)

    def join(self, other: "_Test") -> None:
        """Ask the other's questions too, about its data beside one's own."""
        content, more = self.content, other.content
        content["name"] = f"{content['name']}; {more['name']}"
        if other.brings != self.brings:
            content["input_series"] = [*content["input_series"], *more["input_series"]]
        for kind in ("alert_rule_test", "promql_expr_test"):
            if kind in more:
                content.setdefault(kind, []).extend(more[kind])
        self.reads |= other.reads
        self.brings |= other.brings


def render(spec: Spec, site: Site, file: RuleFile) -> Documents:
    """`tests/<name>.yml`, and `tests/<name>.<step>.yml` for cases evaluated at a coarser step, since promtool
    has one step a file. Paths are relative to the tests folder."""
    by_step: dict[str, list[_Test]] = {}
    for alert in file.alerts:
        for case in alert.cases():
            test = _Test(_alert_test(spec, site, alert, case), _read(file, alert.expr), _brought(case.series))
            by_step.setdefault(case.step, []).append(test)
    for query in file.queries():
        test = _Test(_query_test(query), _read(file, query.expr), _brought(query.series))
        by_step.setdefault(query.step, []).append(test)
    return {
        f"tests/{file.name}{'' if step == '1m' else '.' + step}.yml": Document(
            _file(file, step, _joined(tests)), "yaml"
        )
        for step, tests in sorted(by_step.items())
    }


def _read(file: RuleFile, expr: str) -> set[str]:
    """Every word of an expression and of the recordings that it reads: at least the metrics, and what is no
    metric does no harm."""
    recorded = {
        rule.record: rule.expr for group in file.groups for rule in group.rules if isinstance(rule, Recording)
    }
    found, todo = set[str](), [expr]
    while todo:
        new = set(_NAME.findall(todo.pop())) - found
        found |= new
        todo += [recorded[name] for name in sorted(new) if name in recorded]
    return found


def _brought(series: Series) -> set[str]:
    return {name.partition("{")[0] for name, _ in series}


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


def _joined(tests: list[_Test]) -> list[dict[str, Any]]:
    """Tests on the same data as one, and those that are blind to one another, in the order of the first:
    promtool makes a database for each, and evaluates the file's rules on each."""
    found: dict[str, _Test] = {}
    for test in tests:
        data = json.dumps([test.content["interval"], test.content["input_series"]])
        if data in found:
            found[data].join(test)
        else:
            found[data] = test
    joined: list[_Test] = []
    for test in found.values():
        interval = test.content["interval"]
        fits = (one for one in joined if one.content["interval"] == interval and one.blind_to(test))
        if (one := next(fits, None)) is not None:
            one.join(test)
        else:
            joined.append(test)
    return [test.content for test in joined]


def _input(series: Series) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in series]


def _clock(at: str) -> str:
    """A time as promtool shows it, so that a case is found by what a failure says."""
    rest = sum(milliseconds(part) for part in re.findall(r"\d+[a-z]+", at) if part != START)
    parts = []
    for unit, size in (("w", 604_800_000), ("d", 86_400_000)):
        if rest and rest % size == 0:
            return f"{rest // size}{unit}"
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        if rest >= size:
            parts.append(f"{rest // size}{unit}")
            rest %= size
    return "".join(parts) or "0s"


def _alert_test(spec: Spec, site: Site, alert: Alert, case: Case) -> dict[str, Any]:
    at = _clock(case.at)
    test = {
        "name": f"{alert.name} {'fires' if case.fires else 'silent'} at {at}: {case.name}",
        "interval": case.interval,
        "input_series": _input(case.series),
    }
    if case.inactive:
        active = f'count(ALERTS{{alertname="{alert.name}"}}) or vector(0)'
        return test | {"promql_expr_test": [_asked(active, at, (("{}", 0.0),))]}
    expected = [_expected(spec, site, alert, firing) for firing in case.fires]
    check = {"eval_time": at, "alertname": alert.name, "exp_alerts": expected}
    return test | {"alert_rule_test": [check]}


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
        "interval": query.interval,
        "input_series": _input(query.series),
        "promql_expr_test": [_asked(query.expr, _clock(query.at), query.samples)],
    }


def _asked(expr: str, at: str, samples: tuple[tuple[str, float], ...]) -> dict[str, Any]:
    return {
        "expr": expr,
        "eval_time": at,
        "exp_samples": [{"labels": labels_, "value": value} for labels_, value in samples],
    }
