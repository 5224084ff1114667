"""Small programs of ours that run on the host beside the engines: set-up, retention, web pages,
the alert sink.

They know nothing of the spec: the renderers give each its settings in a file.
"""
