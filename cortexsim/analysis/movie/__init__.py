"""One RDM for each state and step: in a store, in a stream, while the network runs."""
