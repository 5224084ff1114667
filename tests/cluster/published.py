"""The published charts instead of the tests' own: from the folder that `OBS_CHARTS_DIR` names, since
nothing is downloaded here. Charts are there as `helm pull` leaves them, with or without `--untar`, at the
versions of the catalogue.

Two of the programs that they start nothing here can build. So kube-state-metrics stays the tests' own chart,
and the operator's webhooks, whose certificate such a program makes, are off in the copy of its chart.
"""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import yaml

from components.charts import CHARTS, Chart
from k8s.manifests import Loader

FOLDER = "OBS_CHARTS_DIR"
NOT_BUILT = ("kube-state-metrics",)
OFF = {"prometheusOperator": {"admissionWebhooks": {"enabled": False}, "tls": {"enabled": False}}}


def folder() -> Path | None:
    """Where they are; None where the tests' own stand in."""
    given = os.environ.get(FOLDER)
    return Path(given).expanduser().resolve() if given else None


def lacks() -> str:
    """What is missing to see what Helm makes of them; '' if nothing is."""
    if folder() is None:
        return f"no published charts: {FOLDER}=<folder>"
    return "" if shutil.which("helm") else "no helm on PATH"


def there(chart: Chart) -> Path | None:
    """Where one is, as a folder or an archive; None if it is not there at the catalogue's version."""
    given = folder()
    if given is None:
        return None
    archive = given / f"{chart.name}-{chart.version}.tgz"
    if archive.is_file():
        return archive
    file = given / chart.name / "Chart.yaml"
    found = yaml.safe_load(file.read_text(encoding="utf-8"))["version"] if file.is_file() else ""
    return file.parent if found == chart.version else None


def put(into: Path) -> None:
    """Copies of them take the place of the tests' own in a folder of charts. AssertionError for one that is
    not there."""
    if folder() is None:
        return
    for chart in CHARTS:
        own = into / chart.name
        if chart.name in NOT_BUILT or not own.is_dir():
            continue
        where = there(chart)
        assert where, f"chart {chart.name} {chart.version} is not in {folder()}"
        shutil.rmtree(own)
        if where.is_dir():
            shutil.copytree(where, own)
        else:
            with tarfile.open(where) as archive:
                archive.extractall(into, filter="data")
    values = into / "kube-prometheus-stack" / "values.yaml"
    values.write_text(yaml.safe_dump(_over(yaml.safe_load(values.read_text()), OFF)))


def _over(values: Any, other: Any) -> Any:
    if not isinstance(other, dict) or not isinstance(values, dict):
        return other
    return {**values, **{key: _over(values.get(key), item) for key, item in other.items()}}


def rendered(chart: Path, name: str, namespace: str, values: str, version: str) -> list[dict[str, Any]]:
    """The objects that Helm makes of a chart for a Kubernetes version, without nulls: API servers drop them.
    Without a chart's own tests, which nothing here runs. AssertionError with what Helm said."""
    command = ["helm", "template", name, str(chart), "--namespace", namespace, "--values", "-"]
    done = subprocess.run(
        [*command, "--skip-tests", "--kube-version", version],
        input=values,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [_said(one) for one in yaml.load_all(done.stdout, Loader) if one]


def _said(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _said(item) for key, item in value.items() if item is not None}
    return [_said(item) for item in value] if isinstance(value, list) else value
