"""What would do nothing, without a word, is refused where it stands."""

import pytest

from tests.stacks.conftest import Broken


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (
            "{name: web-slack, kind: slack, to_sink: true, channel: '#shop-web'}",
            (
                "\n          name: web-slack\n          kind: slack\n          to_sink: true"
                "\n          channel: #shop-web"
            ),
            "alerting.receivers[1].channel",
        ),
        ("slo: null", "slo:", "services[4].slo"),
        ("version: 1.0.0", "version: # 1.0.0", "services[0].version"),
        ("calls: [orders, inventory]", "calls:", "services[0].run.calls"),
    ],
)
def test_a_setting_whose_value_is_only_a_comment(broken: Broken, old: str, new: str, key: str) -> None:
    (problem,) = broken(old, new)
    assert (problem.key, problem.shown) == (key, "")
    assert "needs quotes, or it is a comment" in problem.expected
    assert "write null" in problem.expected


@pytest.mark.parametrize("path", ["/metrics?format=prometheus", "/metrics?", "/metrics#all", "/a?b=/c#d"])
def test_a_path_that_would_be_asked_for_otherwise(broken: Broken, path: str) -> None:
    (problem,) = broken("metrics: [{}]", f"metrics: [{{path: '{path}'}}]")
    assert problem.key == "services[0].metrics[0].path"
    assert "%3F" in problem.expected
    (job,) = broken(
        "metrics:\n      scrape_interval",
        f"metrics:\n      scrape_jobs: [{{name: a, targets: ['127.0.0.1:1'], path: '{path}'}}]\n"
        "      scrape_interval",
    )
    assert job.key == "metrics.scrape_jobs[0].path"
