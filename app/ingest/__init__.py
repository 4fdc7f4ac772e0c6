"""Uploads become the canonical form: the one place that reads users' formats."""

from app.ingest.options import Ingested, IngestOptions, Kind
from app.ingest.process import ingest
from app.ingest.sniffing import sniff

__all__ = ["IngestOptions", "Ingested", "Kind", "ingest", "sniff"]
