"""What a photo's file holds besides pixels: EXIF, XMP, IPTC, texts, comments and density, kept byte for byte."""
