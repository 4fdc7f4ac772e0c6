"""Cluster image collections over HTTP."""

from s2convscn.client import Client
from s2convscn.errors import ApiProblem, DownloadCorrupted, JobEnded, StackError
from s2convscn.handles import Clustering, Dataset, Job
from s2convscn.sources import SourceError

__all__ = [
    "ApiProblem",
    "Client",
    "Clustering",
    "Dataset",
    "DownloadCorrupted",
    "Job",
    "JobEnded",
    "SourceError",
    "StackError",
]
