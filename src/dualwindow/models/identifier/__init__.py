"""What the folder of a `freqai.identifier` remembers of the backtests that filled it."""
