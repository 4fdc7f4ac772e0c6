"""What a load run found, as Markdown."""

from collections.abc import Sequence

from benchmarks.load.traffic import DOWNLOADERS, PARTS_A_SECOND
from benchmarks.records import Record
from benchmarks.summary import NOT_RUN, origin
from benchmarks.tables import grid

NAMES = {
    "status": "status read",
    "range": "download of a part, 1 MiB",
    "upload": "upload",
}
PLACES = ("median", "p90", "p99", "longest")
MB = 1e6


def table(records: Sequence[Record]) -> str:
    """Seconds of requests, and what was held and asked meanwhile."""
    if not records:
        return NOT_RUN
    (record,) = records
    return "\n\n".join((requests(record), summary(record), origin([record])))


def requests(record: Record) -> str:
    rows = [
        [NAMES[kind], str(found["count"]), *(milliseconds(found[key]) for key in PLACES)]
        for kind, found in record["requests"].items()
    ]
    return grid(("request", "answered", *(f"{place}, ms" for place in PLACES)), rows)


def milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.1f}" if seconds < 1 else f"{1e3 * seconds:.0f}"


def megabytes(held: dict[str, int]) -> str:
    return ", ".join(f"{role} {count / MB:.0f} MB" for role, count in held.items())


def summary(record: Record) -> str:
    load, moved, job = record["load"], record["bytes"], record["job"]
    up, down = (moved.get(way, 0) / MB for way in ("up", "down"))
    alone = record["alone"]
    failed = [f"{count} x {kind}" for kind, count in record["failures"].items()]
    found = {
        "asked for": f"{load['rate']:g} status reads a second, {load['streams']} event streams, "
        f"an upload of {load['upload_bytes'] / MB:.0f} MB, "
        f"{DOWNLOADERS * PARTS_A_SECOND} parts of a file a second",
        "streams open at once": f"{record['most_streams']}, {record['events']} events told",
        "moved": f"{up:.0f} MB up, {down:.0f} MB down",
        "resident at most": megabytes(record["resident_bytes"]),
        "before all this": f"{megabytes(alone['idle_bytes'])}; the same upload alone took "
        f"{alone['seconds']:.1f} s and {megabytes(alone['resident_bytes'])}",
        "meanwhile a job was": f"{job['status']}: {job['phase']}, epoch {job['epoch']}",
        "failed requests": "; ".join(failed) or "none",
    }
    return "\n".join(f"- {what}: {how}" for what, how in found.items())
