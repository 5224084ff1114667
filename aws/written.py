"""What is written for an account, read back."""

import re
from collections.abc import Mapping
from typing import Any

from aws.parts import late
from aws.site import FOLDERS, site_of
from components.parity.scrapes import scrape_job
from components.parity.written import Written, addresses_of, load
from components.render import fluent_bit, fluent_bit_forward
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
    for path, text in files.items():
        part, file = path.split("/", 1)
        if part == "metrics":
            _managed(found, file, text)
        elif part == "prometheus":
            if file.startswith("scrape/"):
                jobs += load(text)["scrape_configs"]
            else:
                world = load(text)["global"]
        elif part == "housekeeper" and file.startswith("setup/"):
            found.add("opensearch", file, text)
        elif file not in _SHIPPER:
            found.add(part, file, text)
    for job in jobs:
        found.jobs.setdefault(job["job_name"], []).append(scrape_job(world, job))
    found.store |= {
        "external_labels": world["external_labels"],
        "names": world["metric_name_escaping_scheme"],
    }
    return found


def _managed(found: Written, file: str, text: str) -> None:
    """Of the workspace: rules, routes with their words, and how long samples stay."""
    if file.startswith(RULES):
        found.rules[file.removeprefix(RULES).removesuffix(".yml")] = load(text)["groups"]
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
