"""Finder: formula graph or crystal graph -> self-attention message passing -> six properties."""
