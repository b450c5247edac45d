"""Errors that a user's input can cause. Each message says what was wrong and what to do about it."""


class ColorizerError(ValueError):
    """Anything a user gave that `colorizer` can't work with; the other errors here are kinds of it."""


class PhotoError(ColorizerError):
    """A photo that can't be read or has no usable pixels."""


class CheckpointError(ColorizerError):
    """A checkpoint with missing, left-over, misshapen or non-finite tensors, or not a checkpoint at all."""


class DatasetError(ColorizerError):
    """A dataset that can't be opened or holds no photo to learn from."""


class HubError(ColorizerError):
    """The Hub is away, refused, or broke off; the message says which and what still works."""


class VideoError(ColorizerError):
    """A clip that can't be read, is larger than allowed, or whose result can't be written."""


class VideoStopped(VideoError):
    """Whoever asked for a clip's colors has asked to stop; what was finished is kept."""
