"""A target of the tests: one part, a note that lies in a folder. A test copies this folder into a copy of the
project and adds it to the registry there; no file of another target is touched."""
