"""The command line: `dualwindow` and `python -m dualwindow`."""
