"""From RDMs to a statement: bootstrap, permutations, ceilings, tests and corrections."""
