"""The tab "Many photos": several files or a ZIP at once."""
