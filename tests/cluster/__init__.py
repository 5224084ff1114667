"""A whole cluster of one node on this machine, for tests, of programs that the cache of engines built."""
