"""Real hosts for tests: whole Debian systems with systemd and sshd, in network namespaces of this machine.

`make hosts` installs and makes what they need; `python -m tests.hosts up 4` starts some to look at.
"""
