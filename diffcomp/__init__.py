"""diffcomp: composition vector and simulated diffraction image -> two-branch CNN -> formation energy, gap.

Not built yet; README.md of this package says what is there.
"""
