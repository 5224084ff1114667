"""`python -m vsi.apply [apply|remove|renew]`: one unit, as a process of its own.

Reads a Request as JSON on standard input, so that no secret stands in an argument list. Writes one JSON
object on standard output: `{"ok": true, "result": ...}`, or `{"ok": false, "unit": ..., "error": ...}` with
exit code 1 (2 for input that cannot be read). Progress goes to standard error, one step a line.
"""

import json
import sys
import traceback

from pydantic import ValidationError

from vsi.errors import DeployError
from vsi.records import Request


def main(arguments: list[str]) -> int:
    """Carry out one request; returns the exit code."""
    try:
        request = Request.model_validate_json(sys.stdin.buffer.read())
    except ValidationError as error:
        # not str(error): it repeats the input, which may hold a secret
        places = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)
        )
        return _answer({"ok": False, "unit": "?", "error": f"request: {places}"}, 2)

    from vsi import deploy, removal, renewal

    def report(step: str) -> None:
        print(f"{request.unit.name}: {step}", file=sys.stderr, flush=True)

    try:
        if arguments == ["remove"]:
            kept = removal.remove(request, report)
            return _answer({"ok": True, "result": [item.model_dump() for item in kept]}, 0)
        if arguments == ["renew"]:
            return _answer({"ok": True, "result": renewal.renew(request, report)}, 0)
        return _answer({"ok": True, "result": deploy.apply(request, report).model_dump()}, 0)
    except DeployError as error:
        return _answer({"ok": False, "unit": error.unit, "error": error.message}, 1)
    except Exception as error:
        # names and places only: messages of unknown errors may repeat a secret
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        detail = f" ({error.strerror}: {error.filename})" if isinstance(error, OSError) else ""
        text = f"unexpected {type(error).__name__}{detail} at {place}"
        return _answer({"ok": False, "unit": request.unit.name, "error": text}, 1)


def _answer(answer: dict[str, object], code: int) -> int:
    json.dump(answer, sys.stdout)
    sys.stdout.write("\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
