"""A day of logs back from the archive: every object that its manifest names, proved by count and hash.

The housekeeper of the stack writes objects and manifests (`agents/archive.py`), which has the format.
"""

import gzip
import hashlib
import zlib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from aws.account.ask import Asking, code, trouble
from aws.account.preflight import identity
from aws.parts import Archive, AwsPlan
from components.errors import SuiteError
from components.target import Restored

COLD = ("GLACIER", "DEEP_ARCHIVE")
"""Classes from which an object is asked back before it can be read."""
DAYS = 3
"""That it stays, once it came back."""
HOURS = {"Standard": "3 to 5 hours", "Bulk": "5 to 12 hours", "Expedited": "minutes"}
GONE = ("404", "NoSuchKey", "NotFound")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Written(_Model):
    """An object of a day."""

    key: str
    count: int
    sha256: str
    """Of its lines."""


class Manifest(_Model):
    """What a day consists of."""

    format: Literal[1]
    day: date
    count: int
    sha256: str
    """Of all lines, object after object."""
    objects: tuple[Written, ...]


@dataclass
class _Found:
    """What came of the objects so far."""

    problems: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    count: int = 0
    whole: Any = field(default_factory=hashlib.sha256)


def restore(
    plan: AwsPlan, day: date, folder: Path, speed: str = "Standard", asking: Asking | None = None
) -> Restored:
    """Bring a day into a file of the folder. SuiteError where account or manifest cannot be read."""
    asking = asking or Asking.of(plan)
    if obstacles := identity(plan, asking):
        raise SuiteError(str(obstacles[0]))
    [part] = [part for part in plan.parts if isinstance(part, Archive)]
    reading = _Reading(asking.client("s3"), part.bucket, plan.account, speed)
    try:
        return reading.day(day, folder)
    except reading.errors as error:
        raise SuiteError(f"archive {part.bucket}: {trouble(error).words}") from None


class _Reading:
    """One bucket."""

    def __init__(self, client: Any, bucket: str, account: str, speed: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        self.errors = (BotoCoreError, ClientError)
        self._client, self._speed, self._bucket = client, speed, bucket
        self._of = {"Bucket": bucket, "ExpectedBucketOwner": account}

    def day(self, day: date, folder: Path) -> Restored:
        """See `restore`."""
        manifest = self._manifest(day)
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{day.isoformat()}.ndjson"
        partial, found = folder / f"{name}.incomplete", _Found()
        with partial.open("wb") as file:
            for written in manifest.objects:
                file.write(self._lines(written, found))
        twice = {item.key for item in manifest.objects if manifest.objects.count(item) > 1}
        found.problems += [f"{key}: the manifest names it twice" for key in sorted(twice)]
        if not found.problems and not found.waiting:
            self._compare(manifest, found)
        whole = not found.problems and not found.waiting
        file_there = folder / name
        if whole:
            partial.replace(file_there)
        return Restored(
            day=day.isoformat(),
            file=str(file_there if whole else partial),
            expected=manifest.count,
            count=found.count,
            sha256=found.whole.hexdigest(),
            objects=len(manifest.objects),
            problems=tuple(found.problems),
            waiting=tuple(found.waiting),
        )

    def _manifest(self, day: date) -> Manifest:
        key = f"manifests/{day:%Y/%m/%d}.json"
        try:
            body = self._client.get_object(**self._of, Key=key)["Body"].read()
        except self._client.exceptions.ClientError as error:
            if code(error) not in GONE:
                raise
            raise SuiteError(self._without_manifest(day, key)) from None
        try:
            found = Manifest.model_validate_json(body)
        except ValidationError as error:
            raise SuiteError(
                f"{key}: no manifest ({error.error_count()} faults); {self._older(key)}"
            ) from None
        if found.day != day:
            raise SuiteError(f"{key}: is of {found.day}, not of {day}; {self._older(key)}")
        return found

    def _without_manifest(self, day: date, key: str) -> str:
        """Why there may be none."""
        if self._deleted(key):
            return f"{key}: was deleted; {self._older(key)}"
        there = self._client.list_objects_v2(**self._of, Prefix=f"logs/{day:%Y/%m/%d}/", MaxKeys=1)
        if there.get("KeyCount"):
            return f"{key}: not there, though objects of the day are: it was not written whole"
        return f"nothing of {day} is in the archive: {key} is not there"

    def _older(self, key: str) -> str:
        return f"older versions: aws s3api list-object-versions --bucket {self._bucket} --prefix {key}"

    def _lines(self, written: Written, found: _Found) -> bytes:
        """The lines of an object, if it is as it was written; otherwise none, and why."""
        why = self._away(written.key, found)
        if why:
            found.problems.append(f"{written.key}: {why}; {written.count} lines")
        if why is None or why:
            return b""
        body = self._client.get_object(**self._of, Key=written.key)["Body"].read()
        try:
            content = gzip.decompress(body)
        except (OSError, EOFError, zlib.error) as error:
            found.problems.append(f"{written.key}: cannot be unpacked ({error}); {self._older(written.key)}")
            return b""
        count = content.count(b"\n")
        if count != written.count:
            expected = f"{count} lines, expected {written.count}"
            found.problems.append(f"{written.key}: {expected}; {self._older(written.key)}")
            return b""
        if hashlib.sha256(content).hexdigest() != written.sha256:
            found.problems.append(f"{written.key}: its lines are others; {self._older(written.key)}")
            return b""
        found.count += count
        found.whole.update(content)
        return content

    def _away(self, key: str, found: _Found) -> str | None:
        """'' if the object can be read; why it is missing; None if it is asked back and not here yet."""
        try:
            head = self._client.head_object(**self._of, Key=key)
        except self._client.exceptions.ClientError as error:
            if code(error) not in GONE:
                raise
            return f"missing; {self._kept(key)}"
        if head.get("StorageClass") not in COLD or 'ongoing-request="false"' in head.get("Restore", ""):
            return ""
        if "Restore" not in head:
            asked = {"Days": DAYS, "GlacierJobParameters": {"Tier": self._speed}}
            self._client.restore_object(**self._of, Key=key, RestoreRequest=asked)
        found.waiting.append(f"{key}: comes back from {head['StorageClass']} in {HOURS[self._speed]}")
        return None

    def _deleted(self, key: str) -> str:
        """The marker by which an object was deleted; '' where there is none."""
        answer = self._client.list_object_versions(**self._of, Prefix=key, MaxKeys=10)
        for marker in answer.get("DeleteMarkers", ()):
            if marker["Key"] == key and marker["IsLatest"]:
                return str(marker["VersionId"])
        return ""

    def _kept(self, key: str) -> str:
        """What can be done about one that is not there."""
        if marker := self._deleted(key):
            command = f"aws s3api delete-object --bucket {self._bucket} --key {key} --version-id {marker}"
            return f"it was deleted, its version is kept, and comes back by: {command}"
        return "no version of it is kept"

    def _compare(self, manifest: Manifest, found: _Found) -> None:
        if found.count != manifest.count:
            found.problems.append(f"{found.count} lines in all, expected {manifest.count}")
        elif found.whole.hexdigest() != manifest.sha256:
            found.problems.append("each object is as it was written, but not the day: their order is another")
