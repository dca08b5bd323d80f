"""ESNet: projected density of states of the unrelaxed structure -> CNN with attention -> formation energy.

Not built yet; README.md of this package says what is there.
"""
