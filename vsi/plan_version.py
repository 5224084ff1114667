"""The version of what is made of a plan."""

PLAN_VERSION = "2"
"""Raised when the code that carries a plan out changes what it makes of the same plan.

The Pulumi engine compares inputs only, so without this a change of code would never be deployed.
`tests/vsi/test_plan_version.py` notices when that code changed."""
