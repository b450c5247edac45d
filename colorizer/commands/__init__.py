"""What the command line's commands do: a module each, whose `run` takes the parsed arguments and returns the exit code."""
