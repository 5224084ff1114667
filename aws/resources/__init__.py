"""The pillars as Pulumi components: they translate a plan, and decide nothing.

`pulumi_aws` is slow to import, and large; it is imported here alone, submodule by submodule.
"""
