"""A change of the environment's labels is an ordinary change: no rule fails while the series of before it are
still found beside the new ones, for minutes."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from components.render import prometheus
from components.render.text import texts
from components.spec import Spec
from tests.ports import free_base
from tests.render.engines import program, run, write
from tests.render.processes import started
from tests.sites import at_base
from tests.specs import service, spec
from tests.waiting import until
from vsi.site import local_site

pytestmark = pytest.mark.engine

WRAPPED = re.compile(r"(?:max|avg) without \([a-z, ]+\)|max by \(service\)")


def doubled(test: dict[str, Any]) -> dict[str, Any]:
    """A test on the series of a firing case twice, of before and after a change; every rule is evaluated."""
    series = [
        {"series": item["series"].replace("}", f',cluster="{cluster}"}}'), "values": item["values"]}
        for item in test["input_series"]
        for cluster in ("before", "after")
    ]
    at = [check["eval_time"] for check in test.get("alert_rule_test", []) + test.get("promql_expr_test", [])]
    series += [
        {"series": f'service:{name}:rate5m{{cluster="before",service="payments"}}', "values": "1x4000"}
        for name in ("requests", "errors")
    ]
    look = [{"expr": "vector(1)", "eval_time": time, "exp_samples": [{"value": 1}]} for time in at]
    return {**test, "input_series": series, "alert_rule_test": [], "promql_expr_test": look}


def judged(folder: Path, files: dict[str, str]) -> str:
    """'' if no rule fails on doubled series, else what promtool says."""
    tests = {}
    for name, text in files.items():
        if name.startswith("tests/"):
            content = yaml.safe_load(text)
            firing = [test for test in content["tests"] if "fires" in test["name"]]
            of_service = name.startswith(("tests/payments", "tests/inventory"))
            content["tests"] = [doubled(test) for test in (firing[:1] if of_service else firing)]
            tests[name] = yaml.safe_dump(content)
    write(folder, {**files, **tests})
    done = run([program("prometheus", "promtool"), "test", "rules", *sorted(tests)], folder)
    return "" if done.returncode == 0 else done.stdout


def without(text: str) -> str:
    """A rule file whose expressions keep the labels."""
    content = yaml.safe_load(text)
    for group in content["groups"]:
        for rule in group["rules"]:
            rule["expr"] = WRAPPED.sub("", rule["expr"])
    return yaml.safe_dump(content)


def whole(**changes: Any) -> Spec:
    """The shop with one service, judged by metrics of its own."""
    payments = [item for item in service("payments") if item["name"] in ("payments", "inventory")]
    return spec(services=payments, **changes)


def test_no_rule_fails_on_series_of_before_and_after(tmp_path: Path) -> None:
    files = texts(prometheus.render(whole(), local_site(whole())))
    assert judged(tmp_path / "ours", files) == ""
    bare = {name: without(text) if name.startswith("rules/") else text for name, text in files.items()}
    said = judged(tmp_path / "bare", bare)
    for failing in ("same labelset after applying rule labels", "same labelset after applying alert labels"):
        assert failing in said


def test_a_users_recording_may_be_a_number(tmp_path: Path) -> None:
    recordings = [
        {"record": "shop:goal", "expr": "0.99"},
        {"record": "shop:carts", "expr": "shop_carts  # as they are"},
    ]
    stack = whole(metrics={"rules": {"alerts": [], "recordings": recordings}})
    write(tmp_path, texts(prometheus.render(stack, local_site(stack))))
    done = run([program("prometheus", "promtool"), "check", "rules", "rules/custom.yml"], tmp_path)
    assert done.returncode == 0, done.stdout


@contextmanager
def serving(port: int) -> Iterator[None]:
    """A service whose counters grow with the clock."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tick = int(time.time() * 10)
            name = "http_request_duration_seconds"
            body = (
                f'http_requests_total{{code="200"}} {tick * 97}\n'
                f'http_requests_total{{code="500"}} {tick * 3}\n'
                f'{name}_bucket{{le="0.5"}} {tick * 90}\n{name}_bucket{{le="+Inf"}} {tick * 100}\n'
                f"{name}_count {tick * 100}\n"
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def test_a_running_prometheus_takes_other_labels_without_a_failure(tmp_path: Path) -> None:
    base = free_base(300)
    at = at_base(base, whole())
    url = f"http://{at.dial('prometheus')}"

    def files(cluster: str) -> dict[str, str]:
        second = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        metrics = {**second, "rules": {"target_down": "10m"}}
        stack = whole(environment={"cluster": cluster}, deploy={"port_base": base}, metrics=metrics)
        return texts(prometheus.render(stack, at))

    def clusters(expr: str) -> set[str]:
        found = httpx.get(f"{url}/api/v1/query", params={"query": f"group by (cluster) ({expr})"}).json()
        return {item["metric"]["cluster"] for item in found["data"]["result"]}

    def failures() -> float:
        lines = httpx.get(f"{url}/metrics").text.splitlines()
        failed = [line for line in lines if line.startswith("prometheus_rule_evaluation_failures_total{")]
        assert failed
        return sum(float(line.rpartition(" ")[2]) for line in failed)

    conf = write(tmp_path / "units" / "prometheus" / "conf", files("before"))
    command = [
        program("prometheus", "prometheus"),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=../data",
        "--web.enable-lifecycle",
        f"--web.listen-address={at.dial('prometheus')}",
    ]
    ratio = 'service:error_ratio:rate5m{service="payments"}'
    down = 'ALERTS{alertname="TargetDown"}'  # of the stack's own programs, none of which is here
    port = next(at.service(item).port for item in whole().services if item.name == "payments")
    with serving(port), started(command, conf, f"{url}/-/ready") as log:
        until(lambda: clusters(ratio) == clusters(down) == {"before"}, "rules are evaluated")
        write(conf, files("after"))
        httpx.post(f"{url}/-/reload").raise_for_status()
        until(lambda: clusters("up") == {"before", "after"}, "both are found at once")
        until(lambda: "after" in clusters(ratio) & clusters(down), "rules are evaluated with the new labels")
        until(lambda: clusters("up") == {"after"}, "the old series have ended")
        assert failures() == 0, log.read_text()[-3000:]
