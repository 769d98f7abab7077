"""Measurements that are too long, or too much of a comparison, for a test."""
