"""Photos, independent of any network: reading, pixel formats, color spaces, lightness, merging and saving."""
