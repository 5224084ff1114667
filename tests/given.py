"""Secrets of a stack file from the environment: `pulumi config set --secret` takes seconds for each."""

from typing import Any


def from_environment(spec: dict[str, Any]) -> dict[str, str]:
    """Has `spec` take what Pulumi's configuration would hold from variables; their values, which fit the
    receivers that want them."""
    found = {}
    pagers = {item.get("secret") for item in spec["alerting"]["receivers"] if item["kind"] == "pagerduty"}
    for secret in spec.get("secrets", ()):
        if secret["source"] == "config":
            variable = secret["key"].upper().replace("-", "_")
            secret |= {"source": "environment", "key": variable}
            found[variable] = (
                "0" * 32 if secret["name"] in pagers else f"https://{secret['name']}.example/T0/B0/x"
            )
    return found
