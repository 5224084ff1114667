"""Limits that belong together fit one another, whatever the stack file says of each."""

from itertools import product

import pytest
import yaml

from components.render import collector, collector_traces, jaeger, prometheus, sizes
from components.render.text import texts
from components.spec import Spec
from tests import specs
from vsi.site import local_site

STACKS = [
    {"series_per_service": series, "other_services": others, "buckets": buckets, "dimensions": dimensions}
    for series, others, buckets, dimensions in product(
        (10, 500, 9_999), (0, 50), (["500ms"], ["5ms", "500ms", "9s"]), ([], [f"a.b{n}" for n in range(40)])
    )
]


@pytest.mark.parametrize("metrics", STACKS, ids=str)
def test_a_scrape_of_span_metrics_takes_all_that_the_collector_may_serve(metrics: dict[str, object]) -> None:
    whole = specs.spec(
        tracing={"span_metrics": metrics},
        metrics={"limits": {"samples_per_scrape": 1, "labels_per_series": 1, "label_value_length": 9}},
    )
    connector = collector_traces.connectors(whole)["spanmetrics"]
    bound = collector_traces.processors(whole)["bound"]
    scrape = _scrape(whole)
    kinds_and_states = 18
    assert connector["aggregation_cardinality_limit"] >= bound["series"] + kinds_and_states
    services = len(bound["services"]) + bound["other_services"] + 1
    assert connector["resource_metrics_cache_size"] >= services
    # The listed have their bounds each, all others have them together; the rest of each is folded.
    combinations = (len(bound["services"]) + 1) * bound["series"] + services * kinds_and_states
    samples = 1 + len(connector["histogram"]["explicit"]["buckets"]) + 3
    assert scrape["sample_limit"] >= combinations * samples
    # __name__, le, job, instance and their like beside those that are named here
    assert scrape["label_limit"] >= len(connector["dimensions"]) + 4 + len(whole.environment.labels) + 10
    assert scrape["label_value_length_limit"] >= bound["length"]
    assert scrape["label_value_length_limit"] >= len("traces_span_metrics_duration_seconds_bucket")


def test_one_label_leaves_room_for_the_others() -> None:
    room = sizes.span_series(specs.spec())
    assert 0 < room.values < room.series


def test_a_further_service_moves_no_limit() -> None:
    one = specs.spec()
    more = specs.spec(services=[*specs.stack()["services"], {"name": "zoo", "owner": "checkout"}])
    assert _scrape(one) == _scrape(more)


def _scrape(whole: Spec) -> dict[str, int]:
    text = texts(prometheus.render(whole, local_site(whole)))["scrape/collector-spanmetrics.yml"]
    [config] = yaml.safe_load(text)["scrape_configs"]
    return {key: value for key, value in config.items() if isinstance(value, int)}


@pytest.mark.parametrize("size", ["256KiB", "1MiB", "8MiB"])
def test_every_receiver_takes_what_comes_before_it_sends(size: str) -> None:
    whole = specs.spec(tracing={"batching": {"size": size}})
    queue = collector_traces.exporters(whole, local_site(whole))["otlp/jaeger"]["sending_queue"]
    batch = queue["batch"]["max_size"]
    assert queue["batch"]["sizer"] == "bytes"
    span = collector_traces.processors(whole)["mend"]["bytes"]
    # A resource may have half of a span, a scope a quarter; keys of the message are not counted in either.
    assert span * 2 <= batch
    [jaegers] = yaml.safe_load(texts(jaeger.render(whole, local_site(whole)))["jaeger.yaml"])[
        "receivers"
    ].values()
    assert batch * 2 <= jaegers["protocols"]["grpc"]["max_recv_msg_size_mib"] * 2**20
    protocols = yaml.safe_load(texts(collector.render(whole, local_site(whole)))["collector.yaml"])[
        "receivers"
    ]["otlp"]
    most = protocols["protocols"]["http"]["max_request_body_size"]
    assert most == protocols["protocols"]["grpc"]["max_recv_msg_size_mib"] * 2**20 > 4 * 2**20
    assert queue["queue_size"] > most
