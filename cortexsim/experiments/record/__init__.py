"""Recording: the settings, what a run would take, and RDM movies of networks while they run."""
