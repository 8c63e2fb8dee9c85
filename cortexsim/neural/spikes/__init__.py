"""From spikes and trials to responses, RDMs and their reliability."""
