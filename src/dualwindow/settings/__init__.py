"""Settings: one typed, frozen model, read once at the edge."""

from dualwindow.settings.training_config import TrainingConfig

__all__ = ["TrainingConfig"]
