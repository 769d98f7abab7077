"""Damaged files and answers by the hundred: each is read as it is, or refused by its name."""
