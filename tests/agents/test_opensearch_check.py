"""What the check tells of OpenSearch's output, and what it does not start a node for."""

from pathlib import Path

from agents import opensearch_check

OUTPUT = """\
warning: no-jdk distributions that do not bundle a JDK are deprecated
2026-01-02T03:04:05.678Z INFO  [o.o.n.Node][opensearch] version[2.19.6]
java.lang.IllegalArgumentException: unknown setting [discovery.typo]
\tat org.opensearch.common.settings.AbstractScopedSettings.validate(AbstractScopedSettings.java:558)
java.lang.IllegalArgumentException: unknown setting [discovery.typo]
"""


def test_the_reason_is_told_once_and_without_the_stack() -> None:
    assert opensearch_check.reason(OUTPUT) == (
        "java.lang.IllegalArgumentException: unknown setting [discovery.typo]"
    )


def test_without_a_known_reason_the_end_is_told() -> None:
    lines = [f"line {number}" for number in range(9)]
    assert opensearch_check.reason("\n".join(lines)) == "\n".join(lines[-5:])


def test_a_line_of_a_started_node_is_known() -> None:
    started = "2026-11-22T11:17:30.000Z INFO  [o.o.n.Node][opensearch]  initialized"
    assert opensearch_check.ACCEPTED.search(started)
    assert not opensearch_check.ACCEPTED.search(started.replace("initialized", "starting ..."))


def test_set_up_files_keystore_and_certificates_are_not_read_at_start(tmp_path: Path) -> None:
    for name in (
        "opensearch.yml",
        "opensearch-security/roles.yml",
        "setup/a.json",
        "tls/ca.pem",
        "opensearch.keystore",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert sorted(opensearch_check.at_start(tmp_path)) == ["opensearch-security/roles.yml", "opensearch.yml"]
