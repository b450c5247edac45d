"""Tools for maintainers: add a trained run to the package, and generate the README tables and pictures."""
