"""How Docker logs in to a registry of AWS (ECR): asked when something is pushed, told to nobody else,
written nowhere. Docker's protocol of credential helpers: the registry on standard input, the login as JSON on
standard output; why there is none in one line there too, with exit code 1.
"""

import base64
import json
import re
import sys
from typing import IO

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

REGISTRY = re.compile(r"(?:https://)?(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/?")
SECONDS = 10


def main(command: str, asked: IO[str], told: IO[str]) -> int:
    """The exit code."""
    if command != "get":
        told.write(f"this helper gets logins, and keeps none: it has no {command!r}\n")
        return 1
    server = asked.read().strip()
    found = REGISTRY.fullmatch(server)
    if found is None:
        told.write(f"{server} is no registry of AWS\n")
        return 1
    try:
        user, password = login(*found.groups())
    except (BotoCoreError, ClientError) as error:
        told.write(f"AWS gives no login for {server}: {error}\n".replace("\n", " "))
        return 1
    json.dump({"ServerURL": server, "Username": user, "Secret": password}, told)
    return 0


def login(account: str, region: str) -> tuple[str, str]:
    """User and password for twelve hours, of whoever's credentials the environment has."""
    config = Config(connect_timeout=SECONDS, read_timeout=SECONDS)
    client = boto3.client("ecr", region_name=region, config=config)
    [given] = client.get_authorization_token(registryIds=[account])["authorizationData"]
    user, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    return user, password


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "", sys.stdin, sys.stdout))
