"""Encoding and decoding: linear maps from states to responses and to labels."""
