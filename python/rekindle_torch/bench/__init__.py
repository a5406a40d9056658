"""Benchmarks: see `python -m rekindle_torch.bench --help`."""
