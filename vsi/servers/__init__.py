"""Plain servers as a target: what is made ready for the units of a stack, and where."""
