"""Two gateways, the agent of a host before them and two that stand for Jaeger behind: each trace is judged
whole by one, and counted once; whoever dies, what is wanted is stored."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from components.render import collector_agent, collector_gateway
from components.site import Listener, Site
from components.spec import Spec
from tests import specs
from tests.demo.support import Collector as Receiver
from tests.engine.collector_host import CollectorHost
from tests.engine.test_collector_traces import Attributes, attributes, child, span
from tests.ports import free_base
from tests.waiting import until
from vsi import tls

pytestmark = pytest.mark.engine
AGENT, GATEWAY = collector_agent, collector_gateway
SPEC = specs.spec(
    tracing={
        "tail_sampling": {"decision_wait": "30s", "keep_slow": "400ms", "keep_ratio": 0.25},
        "batching": {"timeout": "100ms"},
    },
    logging={"inputs": []},
)


def address(base: int, offset: int) -> str:
    return f"127.0.0.1:{base + offset}"


class Host(CollectorHost):
    """One of the stack's hosts, each with ports of its own; the first two have a gateway and a Jaeger."""

    gateways: tuple[int, ...] = ()
    client = httpx.Client(timeout=10)

    def placed(self, spec: Spec) -> Site:
        site, own = super().placed(spec), self.port_base
        more = {
            "collector-spread": Listener(
                address(own, 28), tuple(address(base, 28) for base in self.gateways), tls=True
            ),
            "jaeger-otlp-grpc": Listener(
                address(own, 32), tuple(address(base, 32) for base in self.gateways)
            ),
        }
        for name, offset in (("pushed", 29), ("otlp-grpc", 35), ("otlp-http", 36)):
            at = address(own, offset)
            more[f"collector-agent-{name}"] = Listener(at, (at,))
        return replace(site, listeners={**site.listeners, **more}, mutual=True)

    def send(self, spans: list[Attributes]) -> None:
        resource = {"attributes": attributes({"service.name": "orders"})}
        body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
        url = f"http://{self.site.dial(f'{self.name}-otlp-http')}/v1/traces"
        assert self.client.post(url, json=body).status_code == 200

    def counted(self) -> float:
        """Spans on its page of span metrics."""
        text = self.client.get(f"http://{self.site.dial('collector-spanmetrics')}/metrics").text
        calls = (line for line in text.splitlines() if line.startswith("traces_span_metrics_calls_total{"))
        return sum(float(line.rpartition(" ")[2]) for line in calls)


@dataclass
class Stack:
    agent: Host
    gateways: tuple[Host, Host]
    jaegers: list[Receiver] = field(default_factory=list)
    closed: list[Receiver] = field(default_factory=list)

    def start(self) -> None:
        for host in (*self.gateways, self.agent):
            if host.process is None:
                host.start()

    def stored(self) -> Counter[tuple[str, str]]:
        """How often each span is stored, by trace and name."""
        return Counter(
            (span.trace_id, span.name) for jaeger in (*self.jaegers, *self.closed) for span in jaeger.spans
        )

    def close_jaeger(self, at: int) -> None:
        """One goes away; what it had stored stays."""
        self.jaegers[at].close()
        self.closed.append(self.jaegers.pop(at))


@pytest.fixture
def stack(tmp_path: Path, engine_program: Callable[[str, str], Path]) -> Iterator[Stack]:
    program = str(engine_program("otelcol", "otelcol"))
    bases = tuple(free_base(60) for _ in range(3))
    Host.gateways = bases[:2]
    certificates = tls.renewed({}, (AGENT.NAME, GATEWAY.NAME))

    def host(base: int, renderer: type[object] | object) -> Host:
        root = tmp_path / str(base)
        (root / "secrets" / "tls").mkdir(parents=True)
        for name, content in certificates.items():
            (root / "secrets" / "tls" / name).write_bytes(content)
        made = AGENT if renderer is AGENT else GATEWAY
        return Host(root, program, SPEC, base, name=made.NAME, render=made.render)

    found = Stack(host(bases[2], AGENT), (host(bases[0], GATEWAY), host(bases[1], GATEWAY)))
    found.jaegers = [Receiver(base + 32) for base in bases[:2]]
    try:
        found.start()
        yield found
    finally:
        for one in (found.agent, *found.gateways):
            one.kill()
        for jaeger in found.jaegers:
            jaeger.close()


def failed() -> list[Attributes]:
    """A trace that is wanted: a root that failed, and a child."""
    root = span("root", error="no")
    return [root, child(root, "child")]


def ids(traces: list[list[Attributes]]) -> set[str]:
    return {trace[0]["traceId"] for trace in traces}


def whole(stack: Stack, wanted: set[str]) -> bool:
    stored = stack.stored()
    return all(stored[trace, name] for trace in wanted for name in ("root", "child"))


def test_each_trace_is_judged_whole_by_one_gateway_and_counted_once(stack: Stack) -> None:
    """Its first span comes by way of the agent and speaks for nothing; its second, which failed, comes to
    one of the gateways, whichever is its own."""
    beginnings = [span("root") for _ in range(300)]
    wanted = beginnings[:100]
    stack.agent.send(beginnings)
    until(lambda: sum(host.counted() for host in stack.gateways) == 300, "all beginnings are counted")
    for at, host in enumerate(stack.gateways):
        host.send([child(root, "child", error="no") for root in wanted[at::2]])
    until(lambda: whole(stack, {root["traceId"] for root in wanted}), "what failed is stored with its root")
    until(lambda: sum(host.counted() for host in stack.gateways) == 400, "all spans are counted once")
    shares = [host.counted() for host in stack.gateways]
    assert all(100 < share < 300 for share in shares), shares
    assert set(stack.stored().values()) == {1}
    late = [host.metrics().get("otelcol_keep_late_traces_total", 0) for host in stack.gateways]
    assert late == [0, 0]


def test_a_gateway_and_a_jaeger_die_and_every_wanted_trace_is_stored(stack: Stack) -> None:
    """Killed under a stream of traces; sent is what the agent has acknowledged."""
    sent: list[list[Attributes]] = []
    enough = Event()

    def stream() -> None:
        while not enough.is_set():
            trace = failed()
            stack.agent.send(trace)
            sent.append(trace)

    sending = Thread(target=stream)
    sending.start()
    try:
        first = stack.gateways[0]
        until(lambda: len(sent) > 100 and len(stack.stored()) > 50, "traces come through")
        first.kill()
        stack.close_jaeger(0)
        dead = len(sent)
        until(lambda: len(sent) > dead + 100, "the stream goes on")
        after = ids(sent[dead + 20 : dead + 100])
        until(lambda: whole(stack, after), "what was sent since is stored within seconds", 15)
        first.start()
        until(lambda: first.counted() > 10, "its traces return to the gateway", 30)
    finally:
        enough.set()
        sending.join()
    until(lambda: whole(stack, ids(sent)), "every trace is stored, whole")


def test_what_a_dead_gateway_held_is_judged_by_the_other(stack: Stack) -> None:
    """Nothing had spoken for those traces when it died, and what does speak comes after."""
    beginnings = [span("root") for _ in range(100)]
    stack.agent.send(beginnings)
    until(lambda: sum(host.counted() for host in stack.gateways) == 100, "all beginnings are counted")
    stack.gateways[0].kill()
    stack.agent.send([child(root, "child", error="no") for root in beginnings])
    until(lambda: whole(stack, {root["traceId"] for root in beginnings}), "every trace is stored, whole")


def test_spans_wait_on_the_agents_disk_while_no_gateway_is_there(stack: Stack) -> None:
    for host in stack.gateways:
        host.kill()
    traces = [failed() for _ in range(50)]
    for trace in traces:
        stack.agent.send(trace)
    stack.agent.kill()
    stack.start()
    until(lambda: whole(stack, ids(traces)), "every trace is stored, whole")
    assert set(stack.stored().values()) == {1}


def test_a_span_is_cleaned_before_it_rests_on_a_disk(stack: Stack) -> None:
    for host in stack.gateways:
        host.kill()
    mark = secrets.token_hex(8)
    stack.agent.send([span("root", error="no", values={"note": "4111111111111111 " + mark})])
    files = [path for path in stack.agent.root.rglob("data/traces/*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    assert mark.encode() in content
    assert b"4111111111111111" not in content
