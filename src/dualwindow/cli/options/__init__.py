"""Flags, settings and folders that commands share."""
