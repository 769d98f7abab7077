"""The network, what a trained model is, and how it is saved and found again."""
