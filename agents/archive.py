"""Days of log records, written into a bucket before the housekeeper deletes them.

A day's index becomes objects of lines, a record each, and then a manifest: which objects, each with its count
and the hash of its lines. Whoever brings the day back proves by it that all is there. What is counted is what
the store itself says that it holds; where that is not what was written, there is no manifest, and the index
stays.
"""

import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict

PAGE = 1000
LARGEST = 64 * 2**20
"""Bytes of an object before it is packed: what a reader unpacks at once."""
FORMAT = 1


class Archive(BaseModel):
    """Where days go, and who may read them in the store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket: str
    region: str
    user: str
    password_file: str
    kind: str = "logs"
    """Of the one sequence of indices that is archived."""


def manifest_key(day: date) -> str:
    """Where a day's manifest is."""
    return f"manifests/{day:%Y/%m/%d}.json"


class Archivist:
    """Writes days. Errors of httpx and of boto3 as they come; ValueError for a count that is another."""

    def __init__(self, store: httpx.Client, s3: Any, bucket: str) -> None:
        self._store, self._s3, self._bucket = store, s3, bucket

    def keep(self, index: str, day: date, count: int, *, final: bool) -> bool:
        """Make sure that a day is in the archive; whether it was written now. What came late is looked for
        once more, when the day is `final`."""
        before = self._manifest(day)
        if before and (before["count"] == count or not final):
            return False
        generation = before["generation"] + 1 if before else 1
        self._write(index, day, generation)
        return True

    def _manifest(self, day: date) -> dict[str, Any] | None:
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=manifest_key(day))
        except self._s3.exceptions.NoSuchKey:
            return None
        found: dict[str, Any] = json.loads(answer["Body"].read())
        return found

    def _write(self, index: str, day: date, generation: int) -> None:
        whole, objects, count = hashlib.sha256(), list[dict[str, Any]](), 0
        packed = _Packed()
        expected, lines = self._lines(index)
        for line in lines:
            packed.add(line)
            whole.update(line)
            count += 1
            if packed.size >= LARGEST:
                objects.append(self._put(day, generation, len(objects) + 1, packed))
                packed = _Packed()
        if packed.count:
            objects.append(self._put(day, generation, len(objects) + 1, packed))
        if count != expected:
            raise ValueError(f"{index}: {count} records were read of {expected}")
        manifest = {
            "format": FORMAT,
            "day": day.isoformat(),
            "index": index,
            "generation": generation,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "count": count,
            "sha256": whole.hexdigest(),
            "objects": objects,
        }
        body = json.dumps(manifest, indent=1, sort_keys=True).encode()
        self._send(manifest_key(day), body, "application/json")

    def _put(self, day: date, generation: int, number: int, packed: "_Packed") -> dict[str, Any]:
        key = f"logs/{day:%Y/%m/%d}/{generation:03}-{number:05}.ndjson.gz"
        body = packed.body()
        self._send(key, body, "application/gzip")
        return {"key": key, "count": packed.count, "sha256": packed.sha256.hexdigest(), "bytes": len(body)}

    def _send(self, key: str, body: bytes, kind: str) -> None:
        """With a checksum, by which S3 refuses what arrives otherwise."""
        self._s3.put_object(
            Bucket=self._bucket, Key=key, Body=body, ContentType=kind, ChecksumAlgorithm="SHA256"
        )

    def _lines(self, index: str) -> tuple[int, Iterator[bytes]]:
        """How many records the store says it has, and each of them as a line."""
        query = {"size": PAGE, "sort": ["_doc"], "track_total_hits": True}
        answer = self._store.post(f"/{index}/_search", params={"scroll": "5m"}, json=query)
        answer.raise_for_status()
        first = answer.json()
        return int(first["hits"]["total"]["value"]), self._pages(first)

    def _pages(self, page: dict[str, Any]) -> Iterator[bytes]:
        try:
            while page["hits"]["hits"]:
                for hit in page["hits"]["hits"]:
                    yield line_of(hit)
                asked = {"scroll": "5m", "scroll_id": page["_scroll_id"]}
                answer = self._store.post("/_search/scroll", json=asked)
                answer.raise_for_status()
                page = answer.json()
        finally:
            self._store.request("DELETE", "/_search/scroll", json={"scroll_id": [page["_scroll_id"]]})


def line_of(hit: dict[str, Any]) -> bytes:
    """A record as a line: its id and all that it holds, in one spelling."""
    record = {"_id": hit["_id"], "_source": hit["_source"]}
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass") + b"\n"


class _Packed:
    """Lines on their way into an object."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._gzip = gzip.GzipFile(fileobj=self._buffer, mode="wb", mtime=0)
        self.sha256, self.count, self.size = hashlib.sha256(), 0, 0

    def add(self, line: bytes) -> None:
        """One more."""
        self._gzip.write(line)
        self.sha256.update(line)
        self.count += 1
        self.size += len(line)

    def body(self) -> bytes:
        """All of it; nothing can be added after."""
        self._gzip.close()
        return self._buffer.getvalue()
