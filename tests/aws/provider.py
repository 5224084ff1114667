# ruff: noqa: ARG002 - the service's methods all take a request and a context, and have its names
"""`pulumi-resource-aws` of the tests: carries out by boto3 what the Pulumi engine asks of that of AWS, at
the endpoints that it is configured with, and nowhere else.

`program` makes it, for a PATH. Where the variable CALLS names a file, each operation is a line of it; FAIL
names the call of AWS that fails once, as `logs:PutRetentionPolicy`.
"""

import functools
import json
import os
import signal
import sys
import threading
import time
from concurrent import futures
from pathlib import Path
from typing import Any

import boto3
import grpc  # type: ignore[import-untyped]
from google.protobuf import any_pb2, empty_pb2, struct_pb2  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from pulumi.runtime import rpc
from pulumi.runtime.proto import (
    ResourceProviderServicer,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

from tests.aws import operations
from tests.aws.clusters import CLUSTER
from tests.aws.making import ASK
from tests.aws.reading import NAMED
from tests.aws.tagging import TAG
from tests.aws.values import whole

CALLS, FAIL = "STAND_IN_AWS_CALLS", "STAND_IN_AWS_FAIL"
NOWHERE = "http://127.0.0.1:9"
"""For a service whose endpoint is not replaced: nothing listens on the port `discard`."""
LATER = (
    "arn",
    "certificateAuthority",
    "endpoint",
    "keyId",
    "latestVersion",
    "prometheusEndpoint",
    "url",
    "versionId",
)
"""What AWS names, of those that we use."""
ALL_TAGS = "tagsAll"
"""What the provider tells of a thing's tags, those that it gives everything among them."""
CLUSTER_GROUP = "clusterSecurityGroupId"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
"""By which the engine marks an archive."""
ROOT = Path(__file__).parents[2]


def program(folder: Path, of: str = "aws", module: str = "tests.aws.provider") -> Path:
    """Make the program, in a folder for a PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    run = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {module} import main; main()"
    path = folder / f"pulumi-resource-{of}"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -P -u -c "{run}"\n')
    path.chmod(0o755)
    return path


def plain(struct: Any) -> dict[str, Any]:
    """A message's values. Archives are such where they come from the program; the state has their hash alone,
    and they are left out."""
    known = struct_pb2.Struct()
    known.CopyFrom(struct)
    for name, value in raw(struct).items():
        if isinstance(value, dict) and ARCHIVE in value.values() and not {"assets", "path"} & value.keys():
            del known[name]
    found: dict[str, Any] = whole(rpc.deserialize_properties(known))
    return found


def raw(struct: Any) -> dict[str, Any]:
    """A message's values as they came, to be compared."""
    found: dict[str, Any] = MessageToDict(struct)
    return found


def with_more(struct: Any, more: dict[str, Any]) -> Any:
    """The same, and what AWS named."""
    made = struct_pb2.Struct()
    made.CopyFrom(struct)
    made.update(more)
    return made


class Provider(ResourceProviderServicer):
    """One engine's, of one account. One thing at a time: a bucket's policy is away while an object is put."""

    def __init__(self, calls: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._calls = calls
        self._tags: dict[str, str] = {}

    def _told(self, verb: str, request: Any) -> None:
        if self._calls:
            with self._calls.open("a", encoding="utf-8") as file:
                file.write(f"{verb} {request.urn.split('::')[-1]}\n")

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        from importlib.metadata import version

        return plugin_pb2.PluginInfo(version=version("pulumi-aws"))

    def CheckConfig(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        same = raw(request.olds) == raw(request.news)
        kinds = provider_pb2.DiffResponse.DiffChanges
        return provider_pb2.DiffResponse(changes=kinds.DIFF_NONE if same else kinds.DIFF_SOME)

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:
        given = plain(request.args)
        os.environ["AWS_DEFAULT_REGION"] = given["region"]
        os.environ["AWS_ENDPOINT_URL"] = NOWHERE
        if "accessKey" in given:
            os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"] = (
                given["accessKey"],
                given["secretKey"],
            )
        for item in json.loads(given.get("endpoints", "[]")):
            for service, url in item.items():
                model = boto3.client(service).meta.service_model
                os.environ[f"AWS_ENDPOINT_URL_{model.service_id.replace(' ', '_').upper()}"] = url
        boto3.client = functools.cache(boto3.client)
        account = boto3.client("sts").get_caller_identity()["Account"]
        if account not in (allowed := json.loads(given["allowedAccountIds"])):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"AWS account {account} is none of {allowed}")
        self._tags = json.loads(given["defaultTags"])["tags"]
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Invoke(self, request: Any, context: Any) -> provider_pb2.InvokeResponse:
        with self._lock:
            made = struct_pb2.Struct()
            made.update(ASK[request.tok](plain(request.args)))
            return provider_pb2.InvokeResponse(**{"return": made})

    def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        news = request.news
        if _type(request) == "aws:ec2/securityGroup:SecurityGroup" and "name" not in news:
            name = raw(request.olds).get("name") or f"{request.name}-{request.randomSeed.hex()[:7]}"
            news = with_more(news, {"name": name})
        return provider_pb2.CheckResponse(inputs=news)

    def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        changed, another = operations.differing(_type(request), raw(request.old_inputs), raw(request.news))
        changed = [*changed, *([ALL_TAGS] if self._retagged(request) else [])]
        kinds = provider_pb2.DiffResponse.DiffChanges
        return provider_pb2.DiffResponse(
            changes=kinds.DIFF_SOME if changed else kinds.DIFF_NONE,
            diffs=changed,
            replaces=another,
            # As Pulumi's bridge: what has a name that was given cannot be there twice.
            deleteBeforeReplace=bool(another) and _named(_type(request), raw(request.news)),
        )

    def _retagged(self, request: Any) -> bool:
        """Whether the provider's own tags are others by now, which it puts on what is there already, too."""
        return bool(raw(request.olds).get(ALL_TAGS, self._tags) != self._tags)

    def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:
        if request.preview:
            late = {name: rpc.UNKNOWN for name in LATER if name not in request.properties}
            late |= _of_cluster(request, {CLUSTER_GROUP: rpc.UNKNOWN})
            return provider_pb2.CreateResponse(properties=with_more(request.properties, late))
        with self._lock:
            self._told("create", request)
            try:
                id_, more = operations.create(_type(request), plain(request.properties), self._tags)
            except operations.Half as half:
                _half(context, request.properties, half)
        return provider_pb2.CreateResponse(
            id=id_, properties=with_more(request.properties, {**more, **self._all_tags(request)})
        )

    def _all_tags(self, request: Any) -> dict[str, Any]:
        return {ALL_TAGS: self._tags} if _type(request) in TAG else {}

    def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:
        with self._lock:
            given = plain(request.inputs)
            found = operations.read(_type(request), request.id, given)
        if found is None:
            return provider_pb2.ReadResponse()
        inputs, outputs = struct_pb2.Struct(), struct_pb2.Struct()
        inputs.CopyFrom(request.inputs)
        outputs.CopyFrom(request.properties)
        for name in {*given, *found}:
            if found.get(name) == given.get(name):
                continue
            for struct in (inputs, outputs):
                if name in found:
                    struct.update({name: found[name]})
                elif name in struct:
                    del struct[name]
        if not given:  # it is imported
            outputs.update(NAMED[_type(request)](request.id))
        return provider_pb2.ReadResponse(id=request.id, inputs=inputs, properties=outputs)

    def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:
        named = {name: value for name, value in raw(request.olds).items() if name in LATER}
        named |= _of_cluster(request, raw(request.olds).get("vpcConfig", {}))
        if not request.preview:
            with self._lock:
                self._told("update", request)
                old, new = plain(request.old_inputs), plain(request.news)
                if old != new or not self._retagged(request):
                    named |= operations.change(_type(request), request.id, old, new)
                if self._retagged(request):
                    TAG[_type(request)](request.id, plain(request.olds), self._tags)
            named |= self._all_tags(request)
        else:
            named |= dict.fromkeys(named.keys() & {"latestVersion", "versionId"}, rpc.UNKNOWN)
        return provider_pb2.UpdateResponse(properties=with_more(request.news, named))

    def Delete(self, request: Any, context: Any) -> Any:
        with self._lock:
            self._told("delete", request)
            operations.end(_type(request), request.id, plain(request.old_inputs))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


def _of_cluster(request: Any, had: dict[str, Any]) -> dict[str, Any]:
    """EKS names a security group within what it is given of a network."""
    if _type(request) != CLUSTER or CLUSTER_GROUP not in had:
        return {}
    given = raw(request.properties if hasattr(request, "properties") else request.news)["vpcConfig"]
    return {"vpcConfig": {**given, CLUSTER_GROUP: had[CLUSTER_GROUP]}}


def _type(request: Any) -> str:
    """`aws:kms/key:Key`."""
    kind: str = request.urn.split("::")[2].rsplit("$", 1)[-1]
    return kind


def _named(token: str, given: dict[str, Any]) -> bool:
    names = ("name", "bucket", "domainName", "policyName", "dashboardName")
    return token != "aws:ec2/securityGroup:SecurityGroup" and any(name in given for name in names)


def _half(context: Any, given: Any, half: operations.Half) -> None:
    """Tell the engine that it is there, and not whole."""
    id_, more = half.made
    failed = provider_pb2.ErrorResourceInitFailed(
        id=id_, properties=with_more(given, more), inputs=given, reasons=[str(half)]
    )
    detail = any_pb2.Any()
    detail.Pack(failed)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(half), details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(half))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def main() -> None:
    """Serve AWS."""
    if failing := os.environ.get(FAIL):
        operations.Failing(failing, nth=1).watch()
    calls = os.environ.get(CALLS)
    serve(Provider(Path(calls) if calls else None))


def serve(servicer: Any) -> None:
    """Serve until the engine ends us, or ends."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: os._exit(0))
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    server = grpc.server(
        futures.ThreadPoolExecutor(8),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    sys.stdout.write(f"{server.add_insecure_port('127.0.0.1:0')}\n")
    sys.stdout.flush()
    server.start()
    server.wait_for_termination()
