"""A day of logs goes into the archive by the housekeeper, and comes back whole, or with what is missing."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from agents import archive
from agents.archive import Archivist, line_of, manifest_key
from agents.housekeeper import Housekeeper, Metrics
from agents.store import Settings
from aws.account.ask import Asking
from aws.account.restore import restore
from aws.parts import AwsPlan
from aws.plan import plan
from components.errors import SuiteError
from components.target import Restored
from obs.cli import app
from obs.commands import archive as _commands  # noqa: F401 - adds `archive` to `app`
from tests.aws.account import REGION, part, spec

DAY = date(2026, 11, 28)
INDEX = "logs-2026.11.28"
SESSION = boto3.session.Session()
"""One, which has read the models."""
BUCKET = "obs-local-archive-123456789012-eu-central-1"
RECORDS = [
    {"_id": f"{number:03}", "_source": {"message": f"Zeile {number} ✓\n", "order_id": 10**17 + number}}
    for number in range(25)
]


class Store:
    """OpenSearch as the archivist asks it: one index, read in pages."""

    def __init__(self, records: list[dict[str, Any]], page: int = 4) -> None:
        self.records, self.page = records, page
        self.cleared = 0
        self.deleted: list[str] = []
        self.lost = 0
        """Records that it counts and does not give."""

    def client(self) -> httpx.Client:
        """One that asks it."""
        return httpx.Client(transport=httpx.MockTransport(self._answer), base_url="https://store")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.startswith("/_cat/indices"):
            row = {"index": INDEX, "docs.count": str(len(self.records) + self.lost)}
            return httpx.Response(200, json=[row] if path == "/_cat/indices/logs-2*" else [])
        if path == f"/{INDEX}/_search":
            return self._page(0)
        if path == "/_search/scroll" and request.method == "DELETE":
            self.cleared += 1
            return httpx.Response(200, json={})
        if path == "/_search/scroll":
            return self._page(int(json.loads(request.content)["scroll_id"]))
        if request.method == "DELETE":
            self.deleted.append(path)
            return httpx.Response(200, json={})
        return httpx.Response(500)

    def _page(self, first: int) -> httpx.Response:
        hits = self.records[first : first + self.page]
        total = {"value": len(self.records) + self.lost}
        body = {"_scroll_id": str(first + self.page), "hits": {"total": total, "hits": hits}}
        return httpx.Response(200, json=body)


@pytest.fixture(scope="module")
def stack() -> AwsPlan:
    return plan(spec(), "prod-aws")


@pytest.fixture
def s3() -> Iterator[Any]:
    """The archive's bucket: versioned, as the stack's is."""
    with mock_aws():
        client = SESSION.client("s3", region_name=REGION)
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of a few lines, so that a day has several."""
    monkeypatch.setattr(archive, "LARGEST", 500)


def kept(s3: Any, store: Store, *, final: bool = True) -> bool:
    with store.client() as client:
        return Archivist(client, s3, BUCKET).keep(INDEX, DAY, len(store.records) + store.lost, final=final)


def back(stack: AwsPlan, folder: Path, speed: str = "Standard") -> Restored:
    return restore(stack, DAY, folder, speed, Asking(REGION, {}, session=SESSION))


def objects(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="logs/")["Contents"]]


def test_the_bucket_is_the_stacks(stack: AwsPlan) -> None:
    assert part(stack, "archive").bucket == BUCKET  # type: ignore[attr-defined]


def test_a_day_comes_back_as_it_went_in(stack: AwsPlan, s3: Any, tmp_path: Path) -> None:
    store = Store(RECORDS)
    assert kept(s3, store)
    assert store.cleared == 1
    assert len(objects(s3)) > 2
    found = back(stack, tmp_path)
    assert found.whole
    assert (found.count, found.expected) == (25, 25)
    assert Path(found.file).read_bytes() == b"".join(map(line_of, RECORDS))
    assert [json.loads(line) for line in Path(found.file).read_text().splitlines()] == RECORDS
    assert not list(tmp_path.glob("*.incomplete"))


def test_one_that_was_deleted_is_named_and_its_version_brings_it_back(
    stack: AwsPlan, s3: Any, tmp_path: Path
) -> None:
    kept(s3, Store(RECORDS))
    gone = objects(s3)[1]
    s3.delete_object(Bucket=BUCKET, Key=gone)
    found = back(stack, tmp_path)
    [problem] = found.problems
    assert problem.startswith(f"{gone}: missing; it was deleted, its version is kept")
    assert 0 < found.count < 25
    assert found.file.endswith(".incomplete")
    marker = problem.partition("--version-id ")[2].partition(";")[0]
    s3.delete_object(Bucket=BUCKET, Key=gone, VersionId=marker)
    assert back(stack, tmp_path).whole


def test_one_of_which_no_version_is_left(stack: AwsPlan, s3: Any, tmp_path: Path) -> None:
    kept(s3, Store(RECORDS))
    gone = objects(s3)[0]
    [version] = s3.list_object_versions(Bucket=BUCKET, Prefix=gone)["Versions"]
    s3.delete_object(Bucket=BUCKET, Key=gone, VersionId=version["VersionId"])
    [problem] = back(stack, tmp_path).problems
    assert f"{gone}: missing; no version of it is kept" in problem


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"no gzip at all", "cannot be unpacked"),
        (gzip.compress(b"{}\n" * 9, mtime=0)[:-9], "cannot be unpacked"),
        (b"", "0 lines, expected"),
        (gzip.compress(b"{}\n", mtime=0), "1 lines, expected"),
    ],
    ids=["not gzip", "cut off", "empty", "too few lines"],
)
def test_one_that_is_damaged_is_named(
    stack: AwsPlan, s3: Any, tmp_path: Path, body: bytes, told: str
) -> None:
    kept(s3, Store(RECORDS))
    s3.put_object(Bucket=BUCKET, Key=objects(s3)[2], Body=body)
    [problem] = back(stack, tmp_path).problems
    assert problem.startswith(objects(s3)[2])
    assert told in problem


def test_one_that_has_other_lines_is_named(stack: AwsPlan, s3: Any, tmp_path: Path) -> None:
    kept(s3, Store(RECORDS))
    first, second = objects(s3)[:2]
    lines = gzip.decompress(s3.get_object(Bucket=BUCKET, Key=first)["Body"].read())
    s3.put_object(Bucket=BUCKET, Key=first, Body=gzip.compress(lines.replace(b"Zeile 1", b"Zeile 9")))
    found = back(stack, tmp_path)
    assert [f"{first}: its lines are others" in problem for problem in found.problems] == [True]
    assert second not in found.problems[0]


def test_one_that_the_manifest_names_twice(stack: AwsPlan, s3: Any, tmp_path: Path) -> None:
    kept(s3, Store(RECORDS))
    manifest = json.loads(s3.get_object(Bucket=BUCKET, Key=manifest_key(DAY))["Body"].read())
    manifest["objects"].append(manifest["objects"][0])
    s3.put_object(Bucket=BUCKET, Key=manifest_key(DAY), Body=json.dumps(manifest).encode())
    found = back(stack, tmp_path)
    assert not found.whole
    assert "the manifest names it twice" in found.problems[0]


def test_an_empty_day_is_proved_to_be_empty(stack: AwsPlan, s3: Any, tmp_path: Path) -> None:
    assert kept(s3, Store([]))
    found = back(stack, tmp_path)
    assert (found.whole, found.count, found.objects) == (True, 0, 0)
    assert Path(found.file).read_bytes() == b""


def test_a_day_of_which_there_is_nothing(stack: AwsPlan, s3: Any, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="nothing of 2026-11-28 is in the archive"):
        back(stack, tmp_path)
    s3.put_object(Bucket=BUCKET, Key="logs/2026/11/28/001-00001.ndjson.gz", Body=b"")
    with pytest.raises(SuiteError, match="it was not written whole"):
        back(stack, tmp_path)


@pytest.mark.parametrize(
    ("text", "told"), [("{", "no manifest"), ('{"format": 1, "day": "2026-11-27"}', "no manifest")]
)
def test_a_manifest_that_is_none(stack: AwsPlan, s3: Any, tmp_path: Path, text: str, told: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=manifest_key(DAY), Body=text.encode())
    with pytest.raises(SuiteError, match=told):
        back(stack, tmp_path)


def test_a_manifest_of_another_day(stack: AwsPlan, s3: Any, tmp_path: Path) -> None:
    kept(s3, Store(RECORDS))
    body = s3.get_object(Bucket=BUCKET, Key=manifest_key(DAY))["Body"].read()
    s3.put_object(Bucket=BUCKET, Key=manifest_key(DAY), Body=body.replace(b"2026-11-28", b"2026-11-27", 1))
    with pytest.raises(SuiteError, match="is of 2026-11-27, not of 2026-11-28"):
        back(stack, tmp_path)


def test_what_is_in_glacier_is_asked_back_once_and_said(stack: AwsPlan, s3: Any, tmp_path: Path) -> None:
    kept(s3, Store(RECORDS))
    cold = objects(s3)[0]
    s3.copy_object(
        Bucket=BUCKET, Key=cold, CopySource={"Bucket": BUCKET, "Key": cold}, StorageClass="GLACIER"
    )
    found = back(stack, tmp_path, "Bulk")
    assert found.waiting == (f"{cold}: comes back from GLACIER in 5 to 12 hours",)
    assert not found.problems
    assert "Restore" in s3.head_object(Bucket=BUCKET, Key=cold)
    assert back(stack, tmp_path).whole, "moto brings it back at once"


def test_no_manifest_says_more_than_was_read(stack: AwsPlan, s3: Any, tmp_path: Path) -> None:
    store = Store(RECORDS)
    store.lost = 1
    with pytest.raises(ValueError, match="25 records were read of 26"):
        kept(s3, store)
    with pytest.raises(SuiteError, match="not written whole"):
        back(stack, tmp_path)


def test_what_came_late_is_in_the_next_generation(stack: AwsPlan, s3: Any, tmp_path: Path) -> None:
    kept(s3, Store(RECORDS[:20]))
    assert not kept(s3, Store(RECORDS[:20]))
    assert not kept(s3, Store(RECORDS), final=False), "more may come yet"
    assert kept(s3, Store(RECORDS))
    found = back(stack, tmp_path)
    assert (found.whole, found.count) == (True, 25)


def settings(stack: AwsPlan, tmp_path: Path) -> Settings:
    """As the plan has them."""
    files = dict(part(stack, "housekeeper").files)
    given = json.loads(files["settings.json"])
    password = tmp_path / "password"
    password.write_text("x")
    given["password_file"] = given["archive"]["password_file"] = str(password)
    return Settings.model_validate(given)


def housekeeper(
    stack: AwsPlan, s3: Any, store: Store, tmp_path: Path, patch: pytest.MonkeyPatch
) -> Housekeeper:
    patch.setattr("agents.housekeeper.connect", lambda *_: store.client())
    own = settings(stack, tmp_path)
    assert (own.archive and own.archive.bucket, own.archive and own.archive.user) == (BUCKET, "reader")
    return Housekeeper(own, Metrics(own), lambda _: s3)


def test_a_day_is_archived_before_it_is_deleted(
    stack: AwsPlan, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(RECORDS)
    keeper = housekeeper(stack, s3, store, tmp_path, monkeypatch)
    assert keeper.round(DAY) == []
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0, "the day is not over"
    assert keeper.round(DAY + timedelta(days=1)) == []
    assert back(stack, tmp_path / "out").whole
    assert keeper.round(DAY + timedelta(days=400)) == [INDEX]
    assert store.deleted == [f"/{INDEX}"]


def test_a_day_that_cannot_be_archived_is_not_deleted(
    stack: AwsPlan, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(RECORDS)
    keeper = housekeeper(stack, s3, store, tmp_path, monkeypatch)
    s3.delete_bucket(Bucket=BUCKET)
    with pytest.raises(s3.exceptions.ClientError):
        keeper.round(DAY + timedelta(days=400))
    assert store.deleted == []


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("2026-13-45", "expected a day"),
        ("yesterday", "expected a day"),
        ("", "expected a day"),
        ("2026-1-2", "expected it as 2026-01-02"),
        ("2999-01-01", "it is yet to come"),
        (datetime.now(UTC).date().isoformat(), "it is not over"),
    ],
)
def test_a_day_that_is_none_is_bad_input(day: str, told: str) -> None:
    result = CliRunner().invoke(app, ["archive", "restore", "prod-aws", "--day", day])
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())


def test_a_target_without_an_archive_says_so() -> None:
    result = CliRunner().invoke(app, ["archive", "restore", "local", "--day", "2026-11-28"])
    assert result.exit_code == 1
    assert "target local has no archive" in result.output


def test_the_command_tells_and_ends_as_it_found(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = BUCKET.replace("local", "prod-aws")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    with Store(RECORDS).client() as client:
        Archivist(client, s3, bucket).keep(INDEX, DAY, 25, final=True)
    run = ["archive", "restore", "prod-aws", "--day", "2026-11-28", "--out", str(tmp_path)]
    good = CliRunner().invoke(app, run)
    assert good.exit_code == 0, good.output
    assert "25 of 25 lines" in " ".join(good.output.split())
    s3.delete_object(Bucket=bucket, Key="logs/2026/11/28/001-00001.ndjson.gz")
    bad = CliRunner().invoke(app, [*run, "--json"])
    assert bad.exit_code == 1
    told = json.loads(bad.stdout)
    assert (told["ok"], told["expected"]) == (False, 25)
    assert "001-00001.ndjson.gz: missing" in told["problems"][0]
