"""Uploads become the canonical form: the one place that reads users' formats."""

from app.ingest.options import Ingested, IngestOptions, Kind
from app.ingest.process import PRODUCTS, ingest
from app.ingest.sniffing import sniff

__all__ = ["PRODUCTS", "IngestOptions", "Ingested", "Kind", "ingest", "sniff"]
