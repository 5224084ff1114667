"""The command line `obs`: prepares what a stack needs, then drives the real Pulumi engine."""
