"""Networks and blocks that several approaches share."""
