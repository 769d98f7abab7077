"""Offline demo: a synthetic market and an exchange on loopback that serves its candles.

Nothing here connects beyond this machine, and no price in it was ever traded: it demonstrates and
tests the bot without a network.
"""
