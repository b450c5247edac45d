"""The Learn tab: a description of each approach, and its measured quality."""
