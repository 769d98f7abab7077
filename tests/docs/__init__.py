"""Every block of README and docs runs, offline, and shows what it would show."""
