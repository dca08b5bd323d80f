"""ESNet: density of states of the unrelaxed structure -> CNN with attention -> formation energy of the relaxed one."""
