"""The Approaches tab: a time line of all approaches, what each does to the visitor's photo, and how good it is."""
