"""Benchmarks. Each prints one JSON line last; figures of one line are measured in one run."""
