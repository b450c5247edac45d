"""The page without a server: photos get their colors in the visitor's browser, by the graphs of the same checkpoints."""
