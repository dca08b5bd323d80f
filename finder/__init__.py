"""Finder: formula graph or crystal graph -> self-attention message passing -> six properties.

Not built yet; README.md of this package says what is there.
"""
