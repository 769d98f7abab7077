"""Labelled rows of many pairs: prepared, stored, split and streamed as windows."""
