"""Entry of both plugins: `python plugins language|resource ARGUMENTS`, whatever the working directory."""

import os
import sys


def main() -> None:
    # The folder of the repository instead of this one: programs, and providers pickled by reference, import
    # the project's packages.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    from plugins.parent import die_with_parent

    die_with_parent()
    from plugins.language_host import LanguageHost
    from plugins.provider_host import ProviderHost
    from plugins.serving import serve

    # Flags for logging and tracing come first; the engine's address is the last argument.
    serve(LanguageHost(engine_address=sys.argv[-1]) if sys.argv[1] == "language" else ProviderHost())


if __name__ == "__main__":
    main()
