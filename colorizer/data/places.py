"""Which photos of a dataset stand for all of it where all would take too long."""


def spread(count: int, num_photos: int) -> list[int]:
    """`count` places spread evenly over a dataset, all if it has no more: the same for every model and every run."""
    count = min(count, num_photos)
    return [place * num_photos // count for place in range(count)]
