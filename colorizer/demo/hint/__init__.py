"""The Hint tab: a visitor picks colors for places in a photo."""
