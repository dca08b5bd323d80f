"""Peer models of the papers, and the classical baselines in every table."""
