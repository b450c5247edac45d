"""The command line: the parser, and one module per command with its arguments, its help and its `run`."""
