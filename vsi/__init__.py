"""The VSI target: plain hosts, this machine included. Plan, deploy, provider, drift."""
