"""Tools for maintainers: add a trained run to the package, generate the README's tables and pictures and the cards."""
