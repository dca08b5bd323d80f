"""diffcomp: composition vector and simulated diffraction image -> two-branch CNN -> formation energy, gap.

README.md of this package shows the pipeline and the choices that the article leaves open.
"""
