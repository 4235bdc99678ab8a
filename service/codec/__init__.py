"""Pictures to `.blade` files and back: patches, masks, entropy coding, container."""
