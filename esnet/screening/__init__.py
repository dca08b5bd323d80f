"""Screening for stable materials: convex hull, thresholds, ranking, and the published predictions."""
