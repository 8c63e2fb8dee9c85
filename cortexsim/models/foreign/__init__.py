"""Networks of other people as networks of states."""
