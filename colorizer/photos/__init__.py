"""A photo as a value: reading, pixel formats, color spaces, lightness, merging and saving. It knows no network."""
