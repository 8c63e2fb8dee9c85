"""Training from words: the options of the command, what they name, and suites of networks."""
