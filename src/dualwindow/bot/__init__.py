"""The one part of the package that knows freqtrade: what the adapters need of it."""
