"""Every table of the papers, declared in YAML, run cell by cell, printed from stored predictions."""
