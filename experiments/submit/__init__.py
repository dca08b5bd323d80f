"""Files for public leaderboards from stored predictions: `matbench.py`, `jarvis.py`."""
