"""Presets: small trained models that are found by name. `store.py` describes the format of their folders."""
