"""The tab "Album": several files or a ZIP at once."""
