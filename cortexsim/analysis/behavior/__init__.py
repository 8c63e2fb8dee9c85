"""People and networks: answers, agreement, consistency, reaction and solution times."""
