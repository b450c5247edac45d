"""The Hint tab: colors that a visitor gives at places of a photo."""
