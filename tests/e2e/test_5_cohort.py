"""A cohort's life on this machine: six heads that share a store, made, used, killed, taken down.

A quarter of an hour and 8 GB of memory, so it is asked for: OBS_TEST_COHORT=1, with -n 0 and nothing else
beside it.
What one tenant's users may do in the store of another is asked in tests/engine/test_shared_store.py, always.
"""

import itertools
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import redis

from components.inventory import BY_NAME
from components.render.opensearch_store import TENANT_USERS
from components.site import LOGIN
from engines.store import Store
from tests.e2e.cohort import PEOPLE, WAIT_S, Cohort, hits, stray
from tests.e2e.conftest import ENGINES
from tests.e2e.shop import PATIENCE
from tests.waiting import until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(not os.environ.get("OBS_TEST_COHORT"), reason="takes long: OBS_TEST_COHORT=1"),
]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cohort]:
    """The tests use it one after the other, in their order."""
    missing = [name for name in ENGINES if Store().locate(name) is None]
    if missing:
        pytest.skip(f"not in the cache: {', '.join(missing)}; `make engines` makes them")
    made = Cohort.make(tmp_path_factory.mktemp("cohort") / "project")
    try:
        yield made
    finally:
        made.clean_up()


def test_killed_three_times_while_it_is_made_it_is_made_by_the_next_run(cohort: Cohort) -> None:
    """While the store is made, when the first head has begun, and when half of them are up."""
    cohort.killed("create", when=lambda _: cohort.begun("store"))
    assert cohort.known
    assert cohort.state_of(cohort.known, "store") == "making"
    cohort.killed("create", when=lambda _: cohort.begun("ana"))
    assert cohort.state_of(cohort.known, "store") == "up"
    half = len(PEOPLE) // 2
    cohort.killed("create", when=lambda known: cohort.count(known, "up") >= half)
    before = cohort.count(cohort.known, "up")
    assert before < len(PEOPLE)

    told = cohort.run("create").stderr

    assert f"{len(PEOPLE) - before} brought up, {before + 1} up before" in told
    assert cohort.run("status", "--json").returncode == 0


def test_a_second_create_changes_nothing(cohort: Cohort) -> None:
    files = {file: file.read_bytes() for file in cohort.shop.root.glob("stacks/Pulumi.cohort-*.yaml")}
    pids = cohort.pids()

    told = cohort.run("create").stderr

    assert "nothing to change" in told
    assert cohort.pids() == pids
    assert {file: file.read_bytes() for file in files} == files
    assert len(files) == len(PEOPLE) + 1


def test_a_head_that_shares_is_as_good_as_one_that_does_not(cohort: Cohort) -> None:
    done = cohort.shop.obs("verify", cohort.stack("ana"), "--json", "--patience", PATIENCE, expect=None)
    rows = json.loads(done.stdout)["rows"]

    assert [row for row in rows if row["result"] == "failed"] == []
    assert len(rows) >= 13


@pytest.mark.parametrize("own", PEOPLE)
def test_each_finds_its_own_logs_and_no_users_password_finds_anothers(cohort: Cohort, own: str) -> None:
    with cohort.client(own) as client:
        assert until(lambda: hits(client.get(f"/{own}-logs-*/_search")), f"logs of {own}", WAIT_S)
        assert client.get("/_search").status_code == 403
        for other in (name for name in PEOPLE if name != own):
            for path in (f"/{other}-logs-*/_search", f"/{other}-jaeger-*/_search"):
                assert client.get(path).status_code == 403, path
            for user in TENANT_USERS:
                login = httpx.BasicAuth(f"{other}-{user}", cohort.lent(own)[f"{own}-{user}"])
                assert client.get("/", auth=login).status_code == 401, user


def test_credentials_of_one_open_no_port_of_another(cohort: Cohort) -> None:
    """Every port on which anything of the other listens, in the clear and by TLS, with all that one has."""
    base, context = cohort.base("bo"), cohort.operator("ana", trusting="bo")
    ports = cohort.listening("bo")
    assert len(ports) >= 25
    password = (cohort.folder("ana") / "secrets/loopback").read_text().strip()
    logins = [
        None,
        httpx.BasicAuth("ana-reader", cohort.lent("ana")["ana-reader"]),
        httpx.BasicAuth(LOGIN, password),
    ]

    tries = [(path, login) for path in ("/", "/metrics", "/faults", "/health") for login in logins]
    spoke = set()
    for port, scheme in itertools.product(ports, ("http", "https")):
        for path, login in tries:
            url = f"{scheme}://127.0.0.1:{port}{path}"
            try:
                answer = httpx.get(url, auth=login, verify=context, timeout=httpx.Timeout(20, connect=5))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                break  # no TLS is spoken there, or none without a certificate: for no path
            except httpx.HTTPError:
                spoke.add(port)
                continue
            spoke.add(port)
            known = answer.status_code == 200 and path == "/health"
            assert known or answer.status_code in (400, 401), f"{url}: {answer.status_code}"
    assert spoke == set(ports), "each was tried"
    keeper = redis.Redis(port=base + 12, password=password)
    with pytest.raises((redis.AuthenticationError, redis.ResponseError)):
        keeper.flushall()


def test_the_housekeeper_of_the_store_tells_each_of_its_own_alone(cohort: Cohort) -> None:
    url = f"http://127.0.0.1:{cohort.base('store') + BY_NAME['housekeeper'].sockets[0].offset}/metrics"

    def told(login: tuple[str, str] | None = None) -> httpx.Response:
        return httpx.get(url, auth=login, trust_env=False, timeout=30)

    assert told().status_code == 401
    for own in PEOPLE[:2]:
        word = cohort.lent(own)[f"{own}-reader"]
        found = told((f"{own}-reader", word))
        assert set(re.findall(r'kind="[^"]* of (\w+)"', found.text)) == {own}
        others = (name for name in PEOPLE if name != own)
        assert [name for name in others if re.search(rf"\b{name}\b", found.text)] == []
        assert told((f"{PEOPLE[-1]}-reader", word)).status_code == 401


def test_the_metrics_of_one_tell_nothing_of_another(cohort: Cohort) -> None:
    base, own = f"https://127.0.0.1:{cohort.base('ana')}", cohort.operator("ana")

    def values(label: str, of: str = "up") -> list[str]:
        asked = {"match[]": of}
        url = f"{base}/api/v1/label/{label}/values"
        return list(httpx.get(url, params=asked, verify=own, timeout=30).json()["data"])

    def kinds() -> set[str]:
        return set(values("kind", '{kind!=""}'))

    until(lambda: {"logs", "spans"} <= kinds(), "the store's numbers of ana", WAIT_S)
    both = "otelcol_process_uptime_seconds_total"
    until(lambda: values("job", both) == ["collector", "jaeger"], "what they tell of themselves", WAIT_S)
    assert not [kind for kind in kinds() if " of " in kind]
    assert values("env", '{env!=""}') == [cohort.stack("ana")]


def test_a_trace_of_one_is_unknown_to_the_other(cohort: Cohort) -> None:
    gateway, headers = cohort.base("ana") + 150, {"X-Obs-Probe": "1"}
    sold = httpx.post(
        f"https://127.0.0.1:{gateway}/checkout",
        verify=cohort.operator("ana"),
        json={"items": [{"sku": "mug", "quantity": 1}]},
        headers=headers,
        timeout=30,
    )
    trace = sold.json()["trace_id"]

    def jaeger(slug: str) -> int:
        url = f"https://127.0.0.1:{cohort.base(slug) + 30}/api/traces/{trace}"
        return httpx.get(url, verify=cohort.operator(slug), timeout=30).status_code

    until(lambda: jaeger("ana") == 200, "ana finds her trace", WAIT_S)
    assert jaeger("bo") == 404


def test_secrets_of_one_stand_in_no_file_of_another_and_in_none_that_others_read(cohort: Cohort) -> None:
    root, mine = (
        cohort.shop.root,
        {word.encode() for user, word in cohort.lent("ana").items() if "-" in user[:4]},
    )
    mine |= {(cohort.state / ".cohorts/e2e/heads/ana/passphrase").read_bytes()}
    assert len(mine) == 4
    own = ("cohort-e2e-ana/secrets/", "cohort-e2e-store/secrets/", "e2e/heads/ana/")
    files = [path for path in root.rglob("*") if path.is_file() and ".venv" not in path.parts]
    found = [path for path in files if any(word in _read(path) for word in mine)]

    assert found, "they are somewhere"
    assert [path for path in found if not any(place in str(path) for place in own)] == []
    assert [path for path in found if path.stat().st_mode & 0o077] == []


def _read(path: Path) -> bytes:
    """Nothing if it is gone: the store merges its own files meanwhile."""
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return b""


def test_killed_while_it_is_taken_down_it_is_taken_down_by_the_next_run(cohort: Cohort) -> None:
    """When the first heads are leaving, and when the store is."""
    cohort.killed("destroy", "--yes", when=lambda known: cohort.count(known, "leaving") > 0)
    cohort.run("destroy", "--yes", "--only", "ana")
    known, last = cohort.known, PEOPLE[-1]
    assert known
    assert (cohort.state_of(known, "ana"), cohort.state_of(known, last)) == ("", "up")
    with cohort.client(last) as client:
        assert hits(client.get(f"/{last}-logs-*/_search")), "who stays has the logs"
    cohort.killed("destroy", "--yes", when=lambda known: cohort.state_of(known, "store") == "leaving")


def test_what_is_left_is_told_and_once_it_is_gone_nothing_is(cohort: Cohort) -> None:
    folder = cohort.state / ".cohorts/e2e/heads/store"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "notes.txt").write_text("somebody's")
    with stray(cohort.folder("store")) as process:
        told = cohort.run("destroy", "--yes", expect=1)
        assert str(process.pid) in told.stdout
        assert str(folder) in told.stdout
    (folder / "notes.txt").unlink()

    assert "nothing is left of them" in cohort.run("destroy", "--yes").stderr
    assert cohort.known is None
    assert cohort.shop.obs("cohort", "orphans").returncode == 0
    assert not list(cohort.state.glob("cohort-*"))
    assert not list(cohort.shop.root.glob("stacks/Pulumi.cohort-*"))
    assert cohort.running() == []


def test_what_nobody_knows_any_more_is_found_by_orphans(cohort: Cohort) -> None:
    """A process that hides behind a folder's name, and a hidden file, of a head that no record has."""
    folder = cohort.folder("eli")
    with stray(folder) as process:
        told = cohort.shop.obs("cohort", "orphans", expect=1)
        assert f"{process.pid}" in told.stdout
        assert cohort.stack("eli") in told.stdout
    hidden = folder / ".kept"
    folder.mkdir()
    hidden.write_text("somebody's")
    assert str(folder) in cohort.shop.obs("cohort", "orphans", expect=1).stdout
    hidden.unlink()
    folder.rmdir()

    assert cohort.shop.obs("cohort", "orphans").returncode == 0
