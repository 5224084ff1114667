"""How what is loaded is held against what was wanted."""

from typing import Any

import pytest

from obs.verify.checks_loaded import SECRET, differences, matcher, seconds_of


@pytest.mark.parametrize(
    ("wanted", "loaded"),
    [
        ({"route": {"group_wait": "90s"}}, {"route": {"group_wait": "1m30s", "group_interval": "5m"}}),
        ({"routes": [{"matchers": ['team="a"']}]}, {"routes": [{"matchers": ['team = "a"']}]}),
        ({"url": "http://sink"}, {"url": SECRET}),
        ({"url_file": "../credentials/hook"}, {"url_file": "/etc/obs/credentials/hook"}),
        ({"templates": ["templates/*.tmpl"]}, {"templates": ["/etc/conf/templates/*.tmpl"]}),
        ({"continue": False, "equal": []}, {}),
        ({"max_alerts": 5}, {"max_alerts": "5"}),
    ],
)
def test_the_same_in_other_words(wanted: Any, loaded: Any) -> None:
    assert list(differences(wanted, loaded)) == []


@pytest.mark.parametrize(
    ("wanted", "loaded", "path"),
    [
        ({"route": {"receiver": "a"}}, {"route": {"receiver": "b"}}, "route.receiver"),
        ({"receivers": [{"name": "a"}]}, {"receivers": []}, "receivers"),
        ({"receivers": [{"name": "a"}]}, {"receivers": [{"name": "a"}, {"name": "b"}]}, "receivers"),
        ({"x": [{"matchers": ['team="a"']}]}, {"x": [{"matchers": ['team!="a"']}]}, "x[0].matchers[0]"),
        ({"route": {"continue": True}}, {"route": {}}, "route.continue"),
        ({"url_file": "a/hook"}, {"url_file": "a/other"}, "url_file"),
        ({"group_wait": "10s"}, {"group_wait": "10m"}, "group_wait"),
        ({"route": {"receiver": "a"}}, None, "route.receiver"),
    ],
)  # fmt: skip
def test_a_difference_is_told_by_its_path(wanted: Any, loaded: Any, path: str) -> None:
    ((where, _, _),) = differences(wanted, loaded)
    assert where == path


def test_matchers_and_durations_are_read() -> None:
    assert matcher('team =~ "a|b"') == ("team", "=~", "a|b")
    assert matcher("no matcher") == ("no matcher",)
    assert seconds_of("1h30m") == 5400
    assert seconds_of("250ms") == 0.25
    assert seconds_of("http://10s") is None
