"""When: onsets, half maxima and peaks, significance over time, the fitted time axis."""
