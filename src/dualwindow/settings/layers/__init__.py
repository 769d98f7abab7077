"""Where settings come from: files, presets and environment, and where they stand in them."""
