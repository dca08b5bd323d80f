"""ESNet: density of states of the unrelaxed structure -> CNN with attention -> formation energy.

Densities of states and the network are built; README.md of this package says what is still to come.
"""
