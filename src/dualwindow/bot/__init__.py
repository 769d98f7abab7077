"""Everything that the adapters need: the only wing that imports freqtrade."""
