"""The jobs behind `dualwindow evaluate`."""
