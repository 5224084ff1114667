"""Entry of both plugins: `python plugins language|resource ARGUMENTS`, whatever the working directory."""

import os
import runpy
import sys


def main() -> None:
    # The folder of the repository instead of this one: programs, and providers pickled by reference, import
    # the project's packages.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    from plugins.parent import die_with_parent

    die_with_parent()
    if sys.argv.pop(1) == "language":
        from plugins.language_host import serve

        # Flags for logging and tracing come first; the engine's address is the last argument.
        serve(engine_address=sys.argv[-1])
    else:
        runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
