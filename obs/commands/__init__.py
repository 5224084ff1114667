"""One module per group of commands; each imports what is slow to import only when it runs."""
