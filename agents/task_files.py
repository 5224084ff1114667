"""Puts what a task's programs read where they look for it, before they start: `python -m agents.task_files`.

A task of ECS, or a pod of EKS, has no files of its own. Documents lie in a bucket, an object a program and
one for all, of which the task names the version; secrets come as variables of this container alone, or a pod
reads them from Secrets Manager by its own role; the authorities are those that everybody trusts, since AWS
runs the store. In a task it runs as root, whose volumes are root's, and gives all to the user of the
programs; in a pod it is that user. Exit 0, or 1 with one line of reason; no secret is ever printed.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import certifi
from pydantic import BaseModel, ConfigDict, ValidationError

Fetch = Callable[["Documents"], bytes]
Tell = Callable[[str], str]


class Documents(BaseModel):
    """An object of a bucket, in one version: JSON, path -> text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket: str
    key: str
    version: str


class Settings(BaseModel):
    """The variable `FILES`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: tuple[Documents, ...]
    conf: Path
    secrets: Path
    certificates: Path
    writable: tuple[Path, ...]
    """Where the programs themselves write."""
    variables: dict[str, str] = {}
    """Secret -> the variable with its value."""
    stored: dict[str, str] = {}
    """Secret -> what it is called in Secrets Manager."""
    owner: int


def fetched(documents: Documents) -> bytes:
    """The object, by the task's own role."""
    import boto3

    client: Any = boto3.client("s3")
    answer = client.get_object(Bucket=documents.bucket, Key=documents.key, VersionId=documents.version)
    body: bytes = answer["Body"].read()
    return body


def told(name: str) -> str:
    """A secret of Secrets Manager, by the pod's own role."""
    import boto3

    client: Any = boto3.client("secretsmanager")
    value: str = client.get_secret_value(SecretId=name)["SecretString"]
    return value


def place(
    settings: Settings, environment: Mapping[str, str], fetch: Fetch = fetched, tell: Tell = told
) -> None:
    """Write all of it. OSError, ValueError, KeyError."""
    for documents in settings.documents:
        for path, text in json.loads(fetch(documents)).items():
            file = settings.conf / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    settings.certificates.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(certifi.where(), settings.certificates / "ca.pem")
    settings.secrets.mkdir(parents=True, exist_ok=True)
    values = {name: environment[variable] for name, variable in settings.variables.items()}
    for name, value in {**values, **{name: tell(it) for name, it in settings.stored.items()}}.items():
        file = settings.secrets / name
        file.unlink(missing_ok=True)  # a pod begins again with what is there, which its owner cannot write to
        with os.fdopen(
            os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="utf-8"
        ) as to:
            to.write(value)
    for folder in settings.writable:
        folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        for folder in (settings.conf, settings.certificates, settings.secrets, *settings.writable):
            for found in (folder, *folder.rglob("*")):
                os.chown(found, settings.owner, settings.owner)


def main(environment: Mapping[str, str] = os.environ, fetch: Fetch = fetched, tell: Tell = told) -> int:
    """Exit code 0 or 1."""
    try:
        place(Settings.model_validate_json(environment.get("FILES", "")), environment, fetch, tell)
    except KeyError as error:
        sys.stderr.write(f"variable {error} is not set\n")
        return 1
    except ValidationError as error:
        wrong = ", ".join(".".join(str(part) for part in item["loc"]) or "FILES" for item in error.errors())
        sys.stderr.write(f"FILES: not as expected: {wrong}\n")
        return 1
    except Exception as error:
        sys.stderr.write(f"files of the task: {type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
