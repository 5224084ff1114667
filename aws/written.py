"""What is written for an account, read back."""

import re
from collections.abc import Mapping
from typing import Any

from aws.parts import late
from aws.pods import OBJECTS
from aws.site import FOLDERS, GRAFANA, PAIRS, instances, site_of
from components.parity.scrapes import scrape_job
from components.parity.written import Written, addresses_of, load
from components.render import fluent_bit, fluent_bit_forward, prometheus
from components.spec import Spec

RULES = "rules/"
_SHIPPER = (fluent_bit.CONFIG, fluent_bit.SCRIPT, fluent_bit_forward.MODULES)
"""Read by nobody here: a script says what becomes of a line."""


def written(spec: Spec, stack: str, files: Mapping[str, str]) -> Written:
    """What the files say."""
    del stack
    found = Written(addresses=addresses_of(site_of(spec)), folders=_folders())
    jobs: list[Any] = []
    world: dict[str, Any] = {}
    # Of a pair the first speaks for both.
    first = {instances(spec, program)[0]: program for program in PAIRS}
    others = {name for program in PAIRS for name in instances(spec, program)[1:]}
    for path, text in files.items():
        folder, file = path.split("/", 1)
        if folder in others or file == OBJECTS:
            continue
        if folder == GRAFANA:  # of which no two targets are compared: one may have it alone
            continue
        part = first.get(folder, folder)
        if part == "metrics":
            _managed(found, file, text)
        elif part == "prometheus":
            if file.startswith("scrape/"):
                jobs += load(text)["scrape_configs"]
            elif file.startswith(RULES):
                found.rules[_file(file)] = load(text)["groups"]
            else:
                _store(found, load(text))
                world = load(text)["global"]
        elif part == "housekeeper" and file.startswith("setup/"):
            found.add("opensearch", file, text)
        elif file not in _SHIPPER:
            found.add(part, file, text)
    for job in jobs:
        found.jobs.setdefault(job["job_name"], []).append(scrape_job(world, job))
    found.store |= {
        "external_labels": {k: v for k, v in world["external_labels"].items() if k != prometheus.REPLICA},
        "names": world["metric_name_escaping_scheme"],
    }
    return found


def _store(found: Written, said: Any) -> None:
    """Of a Prometheus that keeps samples itself, in its own words."""
    if "storage" in said:
        storage = said["storage"]
        found.store |= {
            "evaluation_interval": said["global"]["evaluation_interval"],
            "retention": storage["tsdb"]["retention"],
            "exemplars": storage["exemplars"]["max_exemplars"],
        }


def _file(path: str) -> str:
    return path.removeprefix(RULES).removesuffix(".yml")


def _managed(found: Written, file: str, text: str) -> None:
    """Of the workspace: rules, routes with their words, and how long samples stay."""
    if file.startswith(RULES):
        found.rules[_file(file)] = load(text)["groups"]
    elif file == "alertmanager.yml":
        said = load(text)
        found.add("alertmanager", file, said["alertmanager_config"])
        for name, words in said["template_files"].items():
            found.add("alertmanager", f"templates/{name}", words)
    elif file == "workspace.json":
        said = load(text)
        found.store["retention"] = {"time": f"{said['retention_days']}d"}


def _folders() -> list[tuple[str, str]]:
    data = FOLDERS.data.partition("{")[0].rstrip("/")
    return [
        (rf"{FOLDERS.secrets}\b", "{secrets}"),
        (rf"{FOLDERS.certificates}\b", "{secrets}"),
        (rf"{data}/[a-z-]+\b", "{data}"),
        (re.escape(f"{late('domain')}:443"), "{opensearch}"),
    ]
