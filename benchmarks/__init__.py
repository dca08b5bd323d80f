"""How fast and how small: ratios against named references, measured in one run. `python -m benchmarks [topic ...]`."""
