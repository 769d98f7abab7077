"""DualWindowLSTM: a FreqAI prediction model with a historical and a future window."""

__version__ = "0.2.0"
