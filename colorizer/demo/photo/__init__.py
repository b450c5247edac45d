"""The Photo tab: one photo in the colors of all approaches, in a viewer where colors are compared, adjusted and fixed."""
