"""Offline demo: a synthetic market and an exchange on loopback that serves its candles.

Nothing here reaches beyond this machine, and no price in it was ever traded: it exists to show and
test the bot without a network.
"""
