"""The tab where visitors vote on anonymous results, and the ranking that follows from the votes."""
