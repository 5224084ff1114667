"""What the Pulumi program makes of a plan, with mocks: types, options, and what is secret.

Mocks run no `apply` of what is unknown, and a test that only looks inside one passes by saying nothing: so
what was registered is collected, and looked at when the program is over.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import rpc

from components.errors import SuiteError
from components.plan import Pillar
from components.stack import ObservabilityStack
from k8s import keys, names
from k8s import resources as carried
from k8s.parts import Cluster, Manifest, Release
from k8s.plan import plan
from tests import specs
from tests.loops import event_loop

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: production
contexts:
  - {name: staging, context: {cluster: c, user: u}}
  - {name: production, context: {cluster: c, user: u}}
"""
VALUES = {"FIRST": "https://hooks.example/T0/secret"}


@dataclass
class Recorder(pulumi.runtime.Mocks):
    """Keeps what was registered."""

    made: dict[str, pulumi.runtime.MockResourceArgs] = field(default_factory=dict)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Of the keys, what the provider's `check` makes."""
        self.made[args.name] = args
        inputs = dict(args.inputs)
        if args.typ == "pulumi-python:dynamic/k8s:StackKeys":
            inputs |= keys.made({}, inputs["names"], inputs["passwords"])
        return f"{args.name}-id", inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """Nothing is asked."""
        raise AssertionError(args.token)


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    found = Recorder()
    monkeypatch.setattr(carried, "has_provider", lambda: True)
    (tmp_path / "config").write_text(KUBECONFIG)
    with event_loop():
        pulumi.runtime.set_mocks(found, project="obs", stack="test", preview=False)
        yield found
    pulumi.runtime.settings.reset_options()


def _run(recorder: Recorder, tmp_path: Path, **kubernetes: Any) -> list[Any]:
    spec = specs.spec_on_kubernetes(
        kubernetes={"kubeconfig": str(tmp_path / "config"), **kubernetes},
        secrets=[{"name": "first", "source": "environment", "key": "FIRST"}],
        alerting={"receivers": [*specs.stack()["alerting"]["receivers"], _TICKET]},
    )
    planned = plan(spec, "test")
    assert recorder.made == {}

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        secrets = {"first": pulumi.Output.secret(VALUES["FIRST"])}
        ObservabilityStack("test", planned.parts, carried.resources(planned, secrets))

    program()
    return list(planned.parts)


_TICKET = {"name": "far", "kind": "ticket", "secret": "first"}


def test_each_part_is_a_resource_of_the_named_cluster(recorder: Recorder, tmp_path: Path) -> None:
    parts = _run(recorder, tmp_path)
    provider = recorder.made["test-cluster"]
    assert provider.typ == "pulumi:providers:kubernetes"
    assert provider.inputs["context"] == "staging", "never the current one"
    assert json.loads(provider.inputs["kubeClientSettings"]) == {"burst": 1000, "qps": 200}
    for part in parts:
        made = recorder.made[part.id]
        assert made.typ in type(part).TOKENS, part.id
        if isinstance(part, Manifest | Release):
            assert "test-cluster" in (made.provider or ""), part.id
    assert len(parts) > 80


def test_a_release_is_whole_or_not_there(recorder: Recorder, tmp_path: Path) -> None:
    _run(recorder, tmp_path)
    made = recorder.made["jaeger@observability"].inputs
    assert made["atomic"] is True
    assert made["cleanupOnFail"] is True
    assert made["chart"] == "jaeger"
    assert made["repositoryOpts"] == {"repo": "https://jaegertracing.github.io/helm-charts"}
    assert "skipAwait" not in made


def test_secrets_are_in_secrets_alone(recorder: Recorder, tmp_path: Path) -> None:
    _run(recorder, tmp_path)
    held = _secret(recorder.made[f"secret-{names.SECRETS}@observability"].inputs["data"])
    data = {key: base64.b64decode(value).decode() for key, value in held.items()}
    assert data["first"] == VALUES["FIRST"]
    assert len(data["opensearch-reader"]) >= 16
    tls = _secret(recorder.made[f"secret-{names.CERTIFICATES}@observability"].inputs["data"])
    programs = ("admin", "alertmanager", "collector", "jaeger", "opensearch", "prometheus")
    own = {f"{name}.{kind}" for name in programs for kind in ("key", "pem")}
    assert set(tls) == {"ca.pem", *own}
    for name, made in recorder.made.items():
        if made.typ != "kubernetes:core/v1:Secret" and name != "keys@observability":
            for secret in (VALUES["FIRST"], data["opensearch-reader"]):
                assert secret not in str(made.inputs), name


def _secret(value: Any) -> Any:
    """What a value is that the engine was given as a secret; AssertionError if it was not."""
    assert value[rpc._special_sig_key] == rpc._special_secret_sig
    return value["value"]


def test_charts_come_from_a_folder_or_a_mirror(recorder: Recorder, tmp_path: Path) -> None:
    charts = tmp_path / "charts"
    charts.mkdir()
    _run(recorder, tmp_path, charts_dir=str(charts))
    made = recorder.made["jaeger@observability"].inputs
    assert made["chart"] == str(charts / "jaeger")
    assert "repositoryOpts" not in made


def test_of_a_mirror_the_chart_says_all() -> None:
    part = Release(
        name="jaeger",
        place="x",
        pillar=Pillar.TRACING,
        chart="jaeger",
        version="1",
        source="oci://registry.example/charts",
        values={},
    )
    assert carried.source_of(part) == ("oci://registry.example/charts/jaeger", "")


def test_keys_are_kept_and_only_what_is_new_is_made() -> None:
    first = keys.made({}, {"opensearch": ["opensearch.x.svc"]}, ["a"])
    again = keys.made(first, {"opensearch": ["opensearch.x.svc"]}, ["a", "b"])
    assert {key: again[key] for key in first} == first
    renamed = keys.made(first, {"opensearch": ["opensearch.y.svc"]}, ["a"])
    assert renamed["secret_ca.pem"] == first["secret_ca.pem"]
    assert renamed["secret_opensearch.pem"] != first["secret_opensearch.pem"]


def _cluster(path: Path, context: str = "staging") -> Cluster:
    return Cluster(kubeconfig=str(path), context=context, namespace="observability")


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config"
    with pytest.raises(SuiteError, match=r"No such file.*Set kubernetes\.kubeconfig"):
        carried.checked(_cluster(file))
    file.write_text("[]")
    with pytest.raises(SuiteError, match="expected the YAML of a kubeconfig"):
        carried.checked(_cluster(file))
    file.write_text(KUBECONFIG)
    with pytest.raises(SuiteError, match=r"kubernetes\.context = 'other': .* has staging, production"):
        carried.checked(_cluster(file, "other"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    with pytest.raises(SuiteError, match="obs engines build pulumi_kubernetes"):
        carried.checked(_cluster(file))
    (tmp_path / carried.PLUGIN).touch(mode=0o755)
    assert carried.checked(_cluster(file)) == file
