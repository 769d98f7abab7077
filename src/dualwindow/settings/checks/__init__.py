"""Checks of a whole freqtrade configuration, which the bot and the command line share."""
