"""moto, and what it lacks that a stack asks by boto3 itself: another key for a log group that is there.

`python -m tests.aws.server` is moto's server with that; who imports it has it within the process.
"""

import sys
from typing import Any

from moto.logs.responses import LogsResponse


def _associate_kms_key(self: Any) -> str:
    name = self._get_param("logGroupName")
    self.logs_backend.groups[name].kms_key_id = self._get_param("kmsKeyId")
    return ""


LogsResponse.associate_kms_key = _associate_kms_key  # type: ignore[attr-defined]

if __name__ == "__main__":
    from moto.server import main

    main(sys.argv[1:])
