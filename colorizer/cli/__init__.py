"""Command line: the parser, and a module per command with its purpose, notes, arguments and `run`.

Command modules import only light modules at the top. `run` imports the rest, since torch takes seconds to import and neither
help nor a mistyped option should wait for it.
"""
