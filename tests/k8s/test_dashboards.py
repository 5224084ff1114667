"""OpenSearch Dashboards in a cluster: it logs in as its own user, over TLS, and is nobody's but people's."""

import re
from typing import Any

from components.catalog import engine
from components.charts import chart
from components.inventory import password_of
from components.render import opensearch_dashboards as dashboards
from components.render import opensearch_store
from components.spec import Spec
from k8s import names
from k8s.charts import opensearch_dashboards
from k8s.parts import Manifest, Release, StackKeys
from k8s.plan import certificate_names, plan
from k8s.refusals import refusals
from k8s.site import site_of
from tests import specs
from tests.k8s import chart_keys


def _spec(*, there: bool = True, **kubernetes: Any) -> Spec:
    return specs.spec_on_kubernetes(kubernetes={"opensearch_dashboards": there, **kubernetes})


SPEC = _spec()
SITE = site_of(SPEC)
PLAN = plan(SPEC, "test")
OBJECTS = {(part.kind, part.object_name): part for part in PLAN.parts if isinstance(part, Manifest)}
VALUES = opensearch_dashboards.values(SPEC, SITE)
SETTINGS = VALUES["config"][dashboards.FILE]


def _release(name: str) -> Release:
    (found,) = [part for part in PLAN.parts if isinstance(part, Release) and part.name == name]
    return found


def test_the_stack_file_brings_it_with_all_that_its_chart_reads() -> None:
    release = _release(dashboards.NAME)
    assert (release.chart, release.version) == (dashboards.NAME, chart(dashboards.NAME).version)
    assert chart_keys.unread(dashboards.NAME, VALUES) == []
    assert refusals(SPEC) == []


def test_it_has_the_version_of_the_store() -> None:
    """Dashboards of another major or a newer minor version does not start over it."""
    assert VALUES["image"]["tag"] == engine("opensearch").version


def test_it_comes_once_its_user_is_there() -> None:
    assert "job-opensearch-setup@observability" in _release(dashboards.NAME).needs


def test_it_asks_the_store_over_tls_as_its_own_user() -> None:
    assert SETTINGS["opensearch.hosts"] == ["https://opensearch.observability.svc:9200"]
    assert VALUES["opensearchHosts"] == SETTINGS["opensearch.hosts"][0]
    assert "opensearch.observability.svc" in certificate_names(SPEC, SITE)["opensearch"]
    assert SETTINGS["opensearch.ssl.verificationMode"] == "full"
    assert SETTINGS["opensearch.username"] == "kibanaserver"


def test_it_serves_tls_with_a_certificate_of_the_stack() -> None:
    (mount,) = [item for item in VALUES["extraVolumeMounts"] if item["name"] == "certificates"]
    (volume,) = [item for item in VALUES["extraVolumes"] if item["name"] == "certificates"]
    there = {f"{mount['mountPath']}/{item['path']}" for item in volume["secret"]["items"]}
    read = {SETTINGS["server.ssl.certificate"], SETTINGS["server.ssl.key"]}
    assert there == {*read, *SETTINGS["opensearch.ssl.certificateAuthorities"]}
    assert volume["secret"]["secretName"] == names.CERTIFICATES
    held = set(OBJECTS["Secret", names.CERTIFICATES].secrets)
    assert {item["key"] for item in volume["secret"]["items"]} <= held
    sans = certificate_names(SPEC, SITE)[dashboards.NAME]
    assert {"opensearch-dashboards.observability.svc", "localhost", "127.0.0.1"} == set(sans)
    assert SETTINGS["opensearch_security.cookie.secure"] is True


def test_passwords_come_from_a_secret_and_are_no_arguments() -> None:
    """Its image makes arguments, which every process sees, of variables called like settings. Sessions
    are sealed with a secret of the stack's: what the program has by default stands in its source."""
    told = {item["name"]: item["valueFrom"]["secretKeyRef"] for item in VALUES["extraEnvs"]}
    named = re.findall(r"\$\{(\w+)\}", str(SETTINGS))
    assert sorted(named) == sorted(told), "it does not start where a variable is not there"
    for name, source in told.items():
        assert not name.startswith(("OPENSEARCH", "SERVER"))
        assert source["name"] == names.SECRETS
        assert source["key"] in OBJECTS["Secret", names.SECRETS].secrets
    assert SETTINGS["opensearch.password"] == f"${{{dashboards.variable('opensearch-kibanaserver')}}}"
    assert "opensearch_security.cookie.password" in SETTINGS
    (keys,) = [part for part in PLAN.parts if isinstance(part, StackKeys)]
    assert {*dashboards.SECRETS, dashboards.COOKIE} <= set(keys.generated)


def test_its_configuration_is_data() -> None:
    """A text the chart would write into the file as one text, of which the program reads no setting."""
    assert isinstance(VALUES["config"][dashboards.FILE], dict)


def test_nothing_but_empty_folders_of_its_own_can_be_written_to() -> None:
    """Of which it needs one for its id (helm-charts 368)."""
    assert VALUES["securityContext"]["readOnlyRootFilesystem"] is True
    empty = {item["name"] for item in VALUES["extraVolumes"] if "emptyDir" in item}
    paths = {item["mountPath"] for item in VALUES["extraVolumeMounts"] if item["name"] in empty}
    assert "/usr/share/opensearch-dashboards/data" in paths


def test_it_is_one_where_others_are_several() -> None:
    """Two that start at once may wait for each other for ever; one that moves is back in a minute."""
    several = _spec(ha=True)
    assert opensearch_dashboards.values(several, site_of(several))["replicaCount"] == 1
    budgets = [
        part.object_name
        for part in plan(several, "test").parts
        if isinstance(part, Manifest) and part.kind == "PodDisruptionBudget"
    ]
    assert budgets
    assert dashboards.NAME not in budgets, "which would keep its node from being drained"


def _asking(program: str) -> list[dict[str, str]]:
    rules = OBJECTS["NetworkPolicy", program].body["spec"]["ingress"]
    return [one["podSelector"]["matchLabels"] for rule in rules for one in rule.get("from", ())]


def test_it_may_ask_the_store_and_no_pod_may_ask_it() -> None:
    own = names.pods(SPEC, dashboards.NAME, own=False)
    assert own in _asking("opensearch")
    assert own not in _asking("prometheus")
    policy = OBJECTS["NetworkPolicy", dashboards.NAME].body["spec"]
    assert (policy["podSelector"]["matchLabels"], policy["ingress"]) == (own, [])


def test_the_store_has_its_users_and_the_job_their_passwords() -> None:
    files = opensearch_store.render(SPEC, SITE)
    users, roles = (files[f"setup/security/{name}.json"].data for name in ("users", "roles"))
    assert users["kibanaserver"]["role"] == "kibana_server", "the security plugin's own"
    viewer = roles[users["viewer"]["role"]]
    assert viewer["description"] == opensearch_store.MANAGED, "by which it goes when Dashboards does"
    mounted = OBJECTS["Job", "opensearch-setup"].body["spec"]["template"]["spec"]["volumes"]
    (volume,) = [item["secret"] for item in mounted if item["name"] == "secrets"]
    assert {item["key"] for item in volume["items"]} == {user["secret"] for user in users.values()}


def test_people_read_what_is_kept_and_change_only_what_is_saved() -> None:
    viewer = dashboards.viewer(["logs-2*"])
    data, saved = viewer["index_permissions"]
    assert data["index_patterns"] == ["logs-2*"]
    assert not [action for action in data["allowed_actions"] if "write" in action or action.endswith("all")]
    assert not [action for action in data["allowed_actions"] if action in ("manage", "indices:admin/*")]
    assert all(pattern.startswith(".kibana") for pattern in saved["index_patterns"])
    # Without it the security plugin keeps everybody but `kibanaserver` from the index of what all save.
    assert viewer["tenant_permissions"][0]["tenant_patterns"] == ["global_tenant"]


def test_a_stack_without_it_has_nothing_of_it() -> None:
    without = _spec(there=False)
    parts = plan(without, "test").parts
    assert not [part.id for part in parts if dashboards.NAME in part.id]
    written = str([part.body for part in parts if isinstance(part, Manifest)])
    assert "kibana" not in written
    assert password_of(dashboards.VIEWER) not in written
    assert dashboards.NAME not in certificate_names(without, site_of(without))
