"""A photo as a value, independent of any network: color spaces, profiles, lightness and merging.

Its files are read and saved by `files`; what a file holds besides pixels is in `metadata`.
"""
