"""Whole lives of a bot, decided by one integer each, and what has to hold in every one of them."""
