"""What the analyses share: command line, report, training runs, curves, people's masking curves."""
