"""diffcomp: composition vector and simulated diffraction image -> two-branch CNN -> formation energy, gap.

Patterns, pictures, composition vectors and the network are built; README.md of this package says what is still to come.
"""
