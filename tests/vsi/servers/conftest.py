"""A workspace of the real Pulumi engine."""

from typing import Any

import pytest
from pulumi import automation


@pytest.fixture
def stack(workspace: dict[str, Any]) -> automation.LocalWorkspaceOptions:
    """The workspace of all tests of this target."""
    return automation.LocalWorkspaceOptions(project_settings=workspace["project_settings"])
