"""From formation energies to what is worth a relaxation: hull, thresholds, ranking, the article's own predictions."""
