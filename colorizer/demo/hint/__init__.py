"""Color hints: their history, the colors that follow from them, suggestions, and the endpoint."""
