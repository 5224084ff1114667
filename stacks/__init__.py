"""Stack files, one per environment, and the loader that turns them into the spec."""
