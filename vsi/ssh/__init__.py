"""The reach over SSH: one connection to a host, over which everything goes."""
