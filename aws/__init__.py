"""The AWS target. It does not exist yet: a stack that names it is refused when it is planned."""
