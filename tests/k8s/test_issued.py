"""`kubernetes.certificates`: cert-manager signs in the place of the stack's own authority, and everything
reads what it wrote."""

import base64
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from pydantic import ValidationError

from components.errors import SuiteError
from components.spec import Spec
from k8s import authority, names
from k8s.access import access
from k8s.parts import KubernetesPlan, Manifest, StackKeys
from k8s.plan import certificate_names, plan
from k8s.preflight import preflight
from k8s.site import site_of
from targets import refusals
from tests import specs
from tests.k8s.fake_cluster import NAMESPACE, FakeCluster, fake_cluster

EVERYTHING = {
    "ha": True,
    "monitoring_tls": True,
    "grafana": True,
    "opensearch_dashboards": True,
    "shipper": "fluent-bit",
}
GROUP = "/apis/cert-manager.io/v1"
READY = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
NOT_READY = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}


@cache
def _spec(kind: str = "Issuer") -> Spec:
    return specs.spec_on_kubernetes(
        kubernetes={"certificates": {"issuer": "corp", "kind": kind}, **EVERYTHING}
    )


@cache
def _plan(kind: str = "Issuer") -> KubernetesPlan:
    return plan(_spec(kind), "local")


def _issued(planned: KubernetesPlan) -> dict[str, dict[str, Any]]:
    """Name of the object -> what is asked of cert-manager."""
    return {
        part.object_name: part.body["spec"]
        for part in planned.parts
        if isinstance(part, Manifest) and part.kind == "Certificate"
    }


def _bodies(planned: KubernetesPlan) -> Iterator[tuple[str, Any]]:
    for part in planned.parts:
        if not isinstance(part, StackKeys):
            yield part.id, part.body if isinstance(part, Manifest) else part.values


def _read(value: Any) -> Iterator[tuple[str, str]]:
    """Every Secret and key that is referred to, by volumes and by the operator's objects."""
    if isinstance(value, list):
        for item in value:
            yield from _read(item)
    if not isinstance(value, Mapping):
        return
    if value.keys() == {"name", "key"}:
        yield value["name"], value["key"]
    if "items" in value and (secret := value.get("secretName") or value.get("name")):
        for item in value["items"]:
            yield secret, item["key"]
    for item in value.values():
        yield from _read(item)


def test_each_certificate_is_asked_for_with_all_its_names() -> None:
    asked, wanted = _issued(_plan()), certificate_names(_spec(), site_of(_spec()))
    assert {"opensearch", "admin", "prometheus", "jaeger"} < set(wanted)
    assert set(asked) == {names.issued(name) for name in wanted}
    for name, more in wanted.items():
        spec = asked[names.issued(name)]
        assert {*spec["dnsNames"], *spec.get("ipAddresses", [])} == {name, *more}
        assert spec["secretName"] == names.issued(name)
        assert spec["issuerRef"] == {"group": "cert-manager.io", "kind": "Issuer", "name": "corp"}
    assert asked[names.issued("opensearch")]["ipAddresses"] == ["127.0.0.1"]


def test_an_issuer_of_the_whole_cluster_is_named_as_that() -> None:
    assert {spec["issuerRef"]["kind"] for spec in _issued(_plan("ClusterIssuer")).values()} == {
        "ClusterIssuer"
    }


def test_they_are_the_certificates_that_our_own_authority_makes() -> None:
    """The store knows its nodes and its administrator by the subject."""
    ours = x509.load_pem_x509_certificate(authority.signed(authority.make(), "admin", ())[0].encode())
    theirs = _issued(_plan())[names.issued("admin")]
    subject = f"CN={theirs['commonName']},O={theirs['subject']['organizations'][0]}"
    assert ours.subject.rfc4514_string() == subject
    assert theirs["duration"] == f"{authority.LIFE.days * 24}h0m0s"
    assert theirs["privateKey"]["encoding"] == "PKCS8", "which the store reads"


def test_everything_reads_what_cert_manager_writes_and_waits_for_it() -> None:
    planned, found = _plan(), set[tuple[str, str]]()
    made = set(_issued(planned))
    for id_, body in _bodies(planned):
        read = {(secret, key) for secret, key in _read(body) if secret.startswith(names.CERTIFICATES)}
        assert {secret for secret, _ in read} <= made, id_
        assert {key for _, key in read} <= {"tls.crt", "tls.key", "ca.crt"}, id_
        found |= read
    for name in ("opensearch", "admin", "prometheus", "alertmanager", "collector", "jaeger"):
        assert {(names.issued(name), "tls.crt"), (names.issued(name), "tls.key")} <= found
    (setup,) = (part for part in planned.parts if part.name == "job-opensearch-setup")
    for name in ("opensearch", "admin"):
        assert f"certificate-{names.issued(name)}@{NAMESPACE}" in setup.needs


def test_our_own_authority_signs_nothing_then() -> None:
    planned = _plan()
    (keys,) = (part for part in planned.parts if isinstance(part, StackKeys))
    assert keys.certificates == ()
    assert not any(part.name == f"secret-{names.CERTIFICATES}" for part in planned.parts)
    assert not any(names.CERTIFICATES + '"' in json.dumps(body) for _, body in _bodies(planned))


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    monkeypatch.setenv("OBS_STATE_DIR", str(tmp_path / "state"))
    with fake_cluster(tmp_path) as fake:
        yield fake


def _told(cluster: FakeCluster, kind: str = "Issuer") -> list[str]:
    here = _plan(kind).model_copy(update={"cluster": cluster.where})
    return [str(found) for found in preflight(here) if "kubernetes.certificates" in str(found)]


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Issuer", f"{GROUP}/namespaces/{NAMESPACE}/issuers/corp"),
        ("ClusterIssuer", f"{GROUP}/clusterissuers/corp"),
    ],
)
def test_an_issuer_has_to_be_there_and_ready(cluster: FakeCluster, kind: str, path: str) -> None:
    (said,) = _told(cluster, kind)
    assert "no cert-manager" in said
    cluster.answers[GROUP] = {"resources": []}
    (said,) = _told(cluster, kind)
    assert f"no such {kind}" in said
    cluster.answers[path] = NOT_READY
    (said,) = _told(cluster, kind)
    assert "not ready to sign" in said
    cluster.answers[path] = READY
    assert _told(cluster, kind) == []


def test_a_check_of_the_stack_trusts_who_signed(cluster: FakeCluster) -> None:
    here = access(_spec(), _plan().model_copy(update={"cluster": cluster.where}), lambda _: {})
    with pytest.raises(SuiteError, match="describe certificate obs-tls-opensearch"):
        here.authority()
    secret = {"data": {"ca.crt": base64.b64encode(b"their authority").decode()}}
    cluster.answers[f"/api/v1/namespaces/{NAMESPACE}/secrets/{names.issued('opensearch')}"] = secret
    assert here.authority() == "their authority"


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [("shipper", "fluentd", "in Ruby"), ("operator", "none", "plain `prometheus` chart")],
)
def test_what_is_not_there_is_refused_with_the_reason(setting: str, value: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        specs.spec_on_kubernetes(kubernetes={setting: value})


def test_a_kind_without_an_issuer_is_refused() -> None:
    [problem] = refusals(specs.spec_on_kubernetes(kubernetes={"certificates": {"kind": "ClusterIssuer"}}))
    assert problem.key == "kubernetes.certificates.kind"
