"""Metadata of a photo's file, kept byte for byte: EXIF, XMP, IPTC, texts, comments and density."""
