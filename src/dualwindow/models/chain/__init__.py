"""Chains of trainings, of which each begins from the model of the one before."""
