"""Long studies of what the network finds: `make study` writes docs/results.md."""
