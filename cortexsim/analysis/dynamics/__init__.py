"""What a network does if nothing stops it: steps, Jacobians, fixed points."""
