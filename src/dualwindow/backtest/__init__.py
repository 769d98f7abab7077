"""Trades that decisions would have made: prices, exits, fees and figures."""
