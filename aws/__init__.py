"""The AWS target, in parts: some pillars are planned and made. No registry has it: a stack that names it is
refused."""
