"""How the file system of what outlives its task is in the account."""

from collections.abc import Iterator

from aws.account.ask import Asking
from aws.account.finding import Finding
from aws.parts import AwsPlan, Volumes


def volumes(plan: AwsPlan, asking: Asking, part: Volumes) -> Iterator[Finding]:
    """That it is there, with an address for tasks and a folder of each."""
    del plan
    client = asking.client("efs")
    found = client.describe_file_systems(CreationToken=part.called)["FileSystems"]
    if not found:
        yield Finding("missing", f"file system {part.called}")
        return
    of = {"FileSystemId": found[0]["FileSystemId"]}
    if (state := found[0]["LifeCycleState"]) != "available":
        yield Finding("starting" if state in ("creating", "updating") else "unwell", f"volumes: {state}")
    targets = client.describe_mount_targets(**of)["MountTargets"]
    if not any(target["LifeCycleState"] == "available" for target in targets):
        yield Finding("unwell" if targets else "missing", "an address of the volumes that tasks reach")
    folders = {
        point["RootDirectory"]["Path"] for point in client.describe_access_points(**of)["AccessPoints"]
    }
    for name in part.folders:
        if f"/{name}" not in folders:
            yield Finding("missing", f"folder {name} of the volumes")
