"""Photos in files: opening, decoding and pixel formats, encoding and saving."""
