"""What can be wrong with an upload; the docstring is the title, the message the detail."""

import errno

from jobs.errors import DomainError


class EmptyUpload(DomainError):
    """The upload holds no bytes."""


class UnsupportedFormat(DomainError):
    """The upload is of a kind that is not read, or of another kind than was declared."""


class NotAnArchive(UnsupportedFormat):
    """The upload is neither an archive of images nor an array file."""


class TruncatedUpload(DomainError):
    """The upload ends before its contents do."""


class NoImages(DomainError):
    """The upload holds no image."""


class TooFewImages(DomainError):
    """The upload holds a single image, and clustering needs at least two."""


class CorruptImage(DomainError):
    """An image cannot be decoded."""


class UnreadableArray(DomainError):
    """An array cannot be read as images or as feature vectors."""


class UnsafeArchive(DomainError):
    """The archive holds an entry that a well-meant archive does not hold."""


class TooLarge(DomainError):
    """The upload asks for more than this service accepts."""


class PickledArray(DomainError):
    """An array holds objects, which are never loaded because loading them runs code."""


class BadLabels(DomainError):
    """The labels do not fit the images."""


class BadNames(DomainError):
    """The names do not fit the images."""


class BadShape(DomainError):
    """The images' shape is missing or does not fit the array."""


class IngestTimedOut(DomainError):
    """Reading the upload took longer than this service allows."""


NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Of the system's errors those that say that there is no room."""


class StorageFull(DomainError):
    """The service has no room left to store the upload."""


class IngestCrashed(DomainError):
    """The process that reads uploads ended unexpectedly."""
