"""Tests of training; a package, since other folders have files of the same names."""
