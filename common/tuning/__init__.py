"""Searches for the settings of a network: what is searched, what has been tried, and what to try next."""
