"""Small programs of ours that run on the host beside the engines: set-up, retention, helpers to start others.

They know nothing of the spec: the renderers give each its settings in a file.
"""
