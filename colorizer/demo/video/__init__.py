"""The tab that colors a clip."""
