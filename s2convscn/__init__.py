"""Cluster image collections over HTTP."""

from s2convscn.client import Client
from s2convscn.errors import ApiProblem, DownloadCorrupted, StackError

__all__ = ["ApiProblem", "Client", "DownloadCorrupted", "StackError"]
