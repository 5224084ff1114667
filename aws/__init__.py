"""The AWS target."""
