"""The Compare tab: one photo by several approaches, adjusted, held side by side and downloaded."""
