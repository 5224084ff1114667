"""Proxies: loopback never goes through one, what the user exempts is kept, and Java is told the same."""

import os
import shutil
import subprocess
import urllib.request
from pathlib import Path

import httpx
import pytest

from engines import release, sources
from engines.errors import EngineError
from engines.proxy import argument_file, exempt, java_options

OURS = "localhost,127.0.0.1,::1"


@pytest.mark.parametrize(
    ("given", "both", "grpc"),
    [
        ({}, OURS, OURS),
        ({"no_proxy": "corp.example"}, f"corp.example,{OURS}", f"corp.example,{OURS}"),
        ({"NO_PROXY": ".corp.example, 10.0.0.0/8"}, f".corp.example,10.0.0.0/8,{OURS}", None),
        ({"NO_PROXY": "a.example", "no_proxy": "b.example"}, f"b.example,a.example,{OURS}", None),
        ({"no_proxy": "127.0.0.1,localhost"}, "127.0.0.1,localhost,::1", "127.0.0.1,localhost,::1"),
        ({"no_proxy": "*"}, "*", OURS),
        ({"no_proxy": "*", "NO_PROXY": "a.example"}, "*", f"a.example,{OURS}"),
        ({"no_proxy": "a.example", "no_grpc_proxy": "b.example"}, f"a.example,{OURS}", f"b.example,{OURS}"),
        ({"no_proxy": " ,, "}, OURS, OURS),
    ],
)
def test_exemptions_of_the_user_stay(given: dict[str, str], both: str, grpc: str | None) -> None:
    found = exempt(given)
    assert found["no_proxy"] == found["NO_PROXY"] == both
    assert found["no_grpc_proxy"] == (grpc or both)
    assert exempt(given | found) == found, "a second time adds nothing"


@pytest.mark.parametrize("variable", ["http_proxy", "HTTPS_PROXY", "all_proxy"])
def test_clients_take_the_exemptions(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for name, value in exempt(os.environ).items():
        monkeypatch.setenv(name, value)
    assert all(urllib.request.proxy_bypass(host) for host in ("localhost", "127.0.0.1:8080", "::1"))
    with httpx.Client() as client:
        ways = {
            url: client._transport_for_url(httpx.URL(url)) for url in ("http://127.0.0.1:1", "https://x.y")
        }
    assert ways["http://127.0.0.1:1"] is client._transport
    assert (ways["https://x.y"] is client._transport) == (variable == "http_proxy")


def test_java_is_told_of_the_proxies() -> None:
    environ = {
        "https_proxy": "http://us%40er:p%20w%22@proxy.example:3128",
        "HTTP_PROXY": "other.example:80",
        "no_proxy": ".corp.example,10.1.2.3,host.example:8080",
    }
    options = java_options(environ)
    assert options[:6] == [
        "-Dhttp.proxyHost=other.example",
        "-Dhttp.proxyPort=80",
        "-Dhttps.proxyHost=proxy.example",
        "-Dhttps.proxyPort=3128",
        "-Dhttps.proxyUser=us@er",
        '-Dhttps.proxyPassword=p w"',
    ]
    direct = next(option for option in options if "nonProxyHosts" in option)
    assert direct.partition("=")[2].split("|") == [
        *("corp.example", "*.corp.example", "10.1.2.3", "host.example", "*.host.example"),
        *("localhost", "127.0.0.1", "[::1]"),
    ]
    assert '"-Dhttps.proxyPassword=p w\\""' in argument_file(options)
    assert java_options({"no_proxy": "x"}) == []
    assert java_options({"ALL_PROXY": "socks5://p.example"})[:2] == [
        *("-DsocksProxyHost=p.example", "-DsocksProxyPort=1080"),
    ]
    assert "-Dhttp.proxyHost=evil" not in java_options({"HTTP_PROXY": "evil", "REQUEST_METHOD": "GET"})


def test_maven_gets_the_options_and_no_command_line_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://me:pa55word@proxy.example:3128")
    tools = tmp_path / "tools"
    tools.mkdir()
    seen = tmp_path / "seen"
    (tools / "mvn").write_text(
        f"#!/bin/sh\necho \"$MAVEN_OPTS\" > '{seen}'\ncat \"${{MAVEN_OPTS#@}}\" >> '{seen}'\nexit 3\n"
    )
    (tools / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    with pytest.raises(EngineError, match="mvn ended with 3") as failure:
        sources.maven(
            tmp_path, tmp_path, tmp_path, "1", java=tmp_path, log=tmp_path / "log", tick=lambda _: None
        )
    words, _, file = seen.read_text().partition("\n")
    assert words.startswith("@/")
    assert '"-Dhttps.proxyPassword=pa55word"' in file
    assert not Path(words[1:]).exists(), "the file stays"
    assert "pa55word" not in words + str(failure.value) + (tmp_path / "log").read_text()


@pytest.mark.skipif(shutil.which("java") is None, reason="needs java")
def test_java_reads_the_file(tmp_path: Path) -> None:
    options = java_options({"https_proxy": 'http://u:p%20"%5Cw@h.example:1'})
    (tmp_path / "options").write_text(argument_file(options))
    done = subprocess.run(
        ["java", f"@{tmp_path}/options", "-XshowSettings:properties", "-version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'https.proxyPassword = p "\\w' in done.stderr


@pytest.mark.parametrize("value", ["socks5://user:pa55word@127.0.0.1:1080", "gopher://x", "http://h:port"])
def test_a_proxy_that_downloads_cannot_take_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(EngineError, match=r"ALL_PROXY.*http://") as failure:
        release.client()
    assert "pa55word" not in str(failure.value)
