"""A running bot's trainings: which pairs, when, on which candles, and how they end."""
