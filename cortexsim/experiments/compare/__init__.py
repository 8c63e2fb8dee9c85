"""A recording beside a brain: representational similarity, encoding or decoding, by state and step, with the controls that say what it means."""
