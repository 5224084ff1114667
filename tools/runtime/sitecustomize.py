"""The first thing that the interpreter of a runtime runs: where its packages and our programs are.

The libraries beside it were found through LD_LIBRARY_PATH, which the loader has read by now; it is taken back
so that no program started from here is given them.
"""

import os
import sys

_ROOT = os.path.dirname(sys.prefix)

os.environ.pop("LD_LIBRARY_PATH", None)
# What starts another Python (multiprocessing, subprocess with sys.executable) goes by the same way.
sys.executable = os.path.join(_ROOT, "bin", "python")
sys.path.insert(0, os.path.join(_ROOT, "programs"))
sys.path.append(os.path.join(_ROOT, "packages"))
