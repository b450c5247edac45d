"""What keeps a page that anyone can reach working for all: turns at the processor, and bounds of what a caller may take."""
