"""The way to this machine, and the keeper that it has: nothing else in `vsi` opens a file of a host."""
