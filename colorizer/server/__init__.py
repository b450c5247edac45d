"""Protection of a page that anyone can reach: turns at the processor, and bounds of what a caller may take."""
