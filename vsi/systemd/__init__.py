"""Servers whose programs systemd keeps: the unit file, the script that it starts, and the keeper."""
