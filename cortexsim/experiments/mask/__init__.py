"""The masking experiment: design, runs, disruption of states, results."""
