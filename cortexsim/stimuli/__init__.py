"""Images as tables: ids, labels, pixels, in a fixed order."""
