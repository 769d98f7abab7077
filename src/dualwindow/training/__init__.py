"""From a dataset to a trained, evaluated model."""
