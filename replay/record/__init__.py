"""Logged traffic in; conversation fixtures, cassettes, baselines and a suite out."""
