"""The registered benchmarks: registry, download, one file each."""
