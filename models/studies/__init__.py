"""Comparisons at equal, small budget: what the papers ask, asked again with our own networks."""
