"""Models the papers compare with, and the honest classical rows that stand in every table."""
