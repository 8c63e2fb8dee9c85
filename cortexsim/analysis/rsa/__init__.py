"""RDMs: from patterns to RDMs, their comparison, reliability; their vectors of pairs are ground."""
