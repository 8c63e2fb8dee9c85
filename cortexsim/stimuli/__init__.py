"""Images: tables of stimuli in a fixed order, and labelled sets for training."""
