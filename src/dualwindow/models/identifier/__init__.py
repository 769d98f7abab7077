"""Records in the folder of a `freqai.identifier`, of the backtests that filled it."""
