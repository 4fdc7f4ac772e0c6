"""Errors of a request: what is wrong with it before a job or a file is concerned."""

from jobs.errors import Conflict, DomainError, NotFound


class InvalidRequest(DomainError):
    """The request is not as this operation takes it."""


class MalformedBody(DomainError):
    """The body cannot be parsed."""


class RequestTooLarge(DomainError):
    """The body is larger than this operation takes."""


class InvalidCursor(DomainError):
    """The cursor is not one that a list gave."""


class NoSuchRoute(NotFound):
    """There is no such path."""


class NotAnOperation(DomainError):
    """The path does not take this method."""


class NotAcceptable(DomainError):
    """The result is not offered in a format that was asked for."""


class RangeNotSatisfiable(DomainError):
    """The range lies outside the file."""


class ForbiddenHost(DomainError):
    """The service does not answer under this host name."""


class ForbiddenOrigin(DomainError):
    """A web page of another origin may not change anything here."""


class Unauthenticated(DomainError):
    """A key is needed, and a valid one was not given."""


class InsufficientScope(DomainError):
    """The key may only read."""


class TooManyRequests(DomainError):
    """The owner asks more often than this service allows."""


class TooManyStreams(DomainError):
    """The service has as many event streams open as it can have."""


class ServiceNotReady(DomainError):
    """A part of the service does not answer."""


class InternalError(DomainError):
    """The service made a mistake."""


class UnknownMethod(DomainError):
    """There is no such clustering method."""


class UnknownHyperparameter(DomainError):
    """The method has no such hyperparameter."""


class InvalidHyperparameter(DomainError):
    """A hyperparameter has a value that the method does not take."""


class UnknownPreset(DomainError):
    """The method has no such preset."""


class InvalidNClusters(DomainError):
    """The number of clusters does not fit the data set."""


class ImageSizeNeeded(DomainError):
    """The images differ in size."""


class ImagesNeeded(DomainError):
    """The method takes images alone, and the data set holds feature vectors."""


class NoPicture(NotFound):
    """A feature vector has no picture."""


class NoTrainedHead(Conflict):
    """The job has no trained head, and cannot assign new images."""


class IncompatibleImages(DomainError):
    """The model was trained on images of another kind."""


class JobTooLarge(DomainError):
    """The job needs more memory than it may have."""


class NotResumable(Conflict):
    """Only a failed or cancelled job can be resumed."""
