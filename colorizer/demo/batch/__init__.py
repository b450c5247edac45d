"""The tab that colors many photos, as files or a ZIP."""
