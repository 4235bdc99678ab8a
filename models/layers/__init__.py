"""Building blocks: exact integer layers, densities, gains, GDN, wavelets, rounding."""
