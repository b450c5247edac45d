"""The Compare tab: one photo by several approaches, with adjustments, side-by-side view and downloads."""
