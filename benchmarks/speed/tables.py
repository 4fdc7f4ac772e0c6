"""The measurements of speed as Markdown tables."""

from collections.abc import Callable, Sequence
from typing import get_args

from benchmarks.records import Record
from benchmarks.sets import SETS
from benchmarks.summary import NOT_RUN, origin, percent
from benchmarks.tables import Row, grid
from models.hyperparameters import Precision

PRECISIONS = get_args(Precision)
SYNTHETIC = ", synthetic"


def epochs(records: Sequence[Record]) -> str:
    """Seconds of an epoch, and the ratio to the yardstick's DSC-Net, which has no head."""
    rows = [
        [
            *_about(r),
            *(f"{r['seconds'][name]:.3g}" for name in ("bare", "full", *PRECISIONS)),
            *(f"{r['to_bare'][name]:.2f}" for name in PRECISIONS),
        ]
        for r in records
    ]
    ours = [f"ours, {name}" for name in PRECISIONS]
    header = (
        "set",
        "N",
        "yardstick: DSC-Net",
        "S2ConvSCN",
        *ours,
        *(f"{o} / DSC-Net" for o in ours),
    )
    return _told(header, rows, records)


def rates(records: Sequence[Record]) -> str:
    """The arithmetic of an epoch as a share of what matrix products reach on the same threads."""
    rows = [
        [
            *_about(r),
            str(r["features"]),
            f"{r['gflop']:.1f}",
            name,
            f"{r['gflop'] / r['seconds'][name]:.0f}",
            f"{r['rates'][name]:.0f}",
            f"{100 * r['shares'][name]:.0f} %",
        ]
        for r in records
        for name in PRECISIONS
    ]
    header = ("set", "N", "p", "GFLOP", "precision", "GFLOP/s", "of a product", "share")
    return _told(header, rows, records)


def memory(records: Sequence[Record]) -> str:
    """Peaks above what was held before, in MB and in N x N matrices of fp32."""
    kinds = (*PRECISIONS, "yardstick")
    rows = [
        [
            *_about(r),
            *(f"{r['megabytes'][kind]:.0f}" for kind in kinds),
            *(f"{r['squares'][kind]:.1f}" for kind in kinds),
        ]
        for r in records
    ]
    header = ("set", "N", *(f"{k}, MB" for k in kinds), *(f"{k}, N²" for k in kinds))
    return _told(header, rows, records)


def pretraining(records: Sequence[Record]) -> str:
    """Milliseconds of a minibatch step of stage I."""
    rows = [
        [
            *_about(r)[:1],
            str(r["batch"]),
            *(f"{1000 * r['seconds'][name]:.2f}" for name in ("yardstick", "ours")),
            f"{r['ratio']:.2f}",
        ]
        for r in records
    ]
    return _told(("set", "images", "yardstick, ms", "ours, ms", "times as fast"), rows, records)


def spectral(records: Sequence[Record]) -> str:
    """Seconds of a spectral round, and agreement with the exact eigenvectors' partition."""
    rows = [
        [*_about(r), name, *_round(found)]
        for r in records
        for name, found in r["affinities"].items()
    ]
    header = (
        *("set", "N", "affinity", "its seconds", "ours", "ours, renewed", "scikit-learn"),
        *("whole eigh", "times as fast", "renewed", "affinity included"),
        *("ARI to eigh: ours", "renewed", "scikit-learn"),
    )
    return _told(header, rows, records)


def _round(found: Record) -> Row:
    names = ("affinity", "ours", "renewed", "scikit_learn", "exact")
    return [
        *(f"{found['seconds'][name]:.3f}" for name in names),
        *(f"{found[name]:.1f}" for name in ("faster", "faster_renewed", "faster_whole")),
        *(f"{found['ari'][name]:.3f}" for name in ("ours", "renewed", "scikit_learn")),
    ]


PHASES = ("preparing", "pretraining", "initialising", "training", "final")


def gpu_jobs(records: Sequence[Record]) -> str:
    """Seconds from images to labels on a GPU, by phase, and the error that came of it."""
    rows = [
        [
            *_about(r),
            f"{r['whole']['seconds']:.1f}",
            *(f"{r['whole']['phases'][phase]:.1f}" for phase in PHASES),
            percent(r["whole"]["error"]),
            f"{r['whole']['peak_bytes'] / 1e6:.0f}",
        ]
        for r in records
    ]
    phases = ("view", "stage I", "start of C", "stage II", "the rest")
    return _told(("set", "N", "seconds", *phases, "error, %", "MB"), rows, records)


def gpu_epochs(records: Sequence[Record]) -> str:
    """Milliseconds of an epoch of stage II on a GPU, its share of a product's rate, its memory."""
    kinds = ("full", "launched_singly", *PRECISIONS)
    rows = [
        [
            *_about(r),
            str(r["features"]),
            *(f"{1000 * r['seconds'][kind]:.1f}" for kind in kinds),
            *(f"{100 * r['shares'][name]:.0f} %" for name in PRECISIONS),
            f"{r['peak_bytes'] / 1e6:.0f}",
            f"{r['squares']:.1f}",
        ]
        for r in records
    ]
    header = (
        *("set", "N", "p", "yardstick: S2ConvSCN", "ours, launched singly"),
        *(f"ours, {name}" for name in PRECISIONS),
        *(f"share, {name}" for name in PRECISIONS),
        *("MB", "N²"),
    )
    return _told(header, rows, records)


def gpu_truth(records: Sequence[Record]) -> str:
    """A GPU beside the CPU: gradients against float64, the spectral round against its own."""
    rows = [
        [
            *_about(r),
            *(f"{r['agreement'][name]:.0e}" for name in PRECISIONS),
            *(f"{r['spectral']['seconds'][device]:.2f}" for device in ("cuda", "cpu")),
            f"{r['spectral']['faster']:.1f}",
            f"{r['spectral']['ari']:.3f}",
        ]
        for r in records
    ]
    header = (
        *("set", "N", *(f"error of a gradient, {name}" for name in PRECISIONS)),
        *("spectral round, s", "on the CPU, s", "times as fast", "ARI of both"),
    )
    drivers = sorted({r["driver"] for r in records if r["driver"]})
    said = f" NVIDIA driver {', '.join(drivers)}." if drivers else ""
    return _told(header, rows, records) + said


def solvers(records: Sequence[Record]) -> str:
    """Seconds of each contender, and by how much its objective lies above the least of them."""
    rows = [
        [*_about(r), name, *_contenders(found)]
        for r in records
        for name, found in r["solvers"].items()
    ]
    header = (
        *("set", "N", "problem", "ours, s", "scikit-learn, s", "published, s"),
        *("times as fast as scikit-learn", "as the published one"),
        *("objective above the least: ours", "scikit-learn", "published"),
    )
    return _told(header, rows, records)


def _contenders(found: Record) -> Row:
    names = ("ours", "scikit_learn", "published")
    return [
        *(_given("{:.2f}", found["seconds"].get(name)) for name in names),
        *(_given("{:.0f}", found["faster"].get(name)) for name in names[1:]),
        *(_given("{:.0e}", found["above"].get(name)) for name in names),
    ]


def _given(form: str, value: float | None) -> str:
    return "-" if value is None else form.format(value)


def _about(record: Record) -> Row:
    """Title and N; images that are not the set's own are called synthetic."""
    name = record["set"]
    title = SETS[name].title if name in SETS else name
    return [title + ("" if record["real"] else SYNTHETIC), str(record["n_images"])]


def _told(header: Sequence[str], rows: list[Row], records: Sequence[Record]) -> str:
    if not rows:
        return f"{NOT_RUN.capitalize()}."
    return f"{grid(header, rows)}\n\n{origin(records)}"


def _of(kind: str, make: Callable[[Sequence[Record]], str]) -> Callable[[Sequence[Record]], str]:
    """A table of the records of one kind, by N."""

    def made(records: Sequence[Record]) -> str:
        own = [record for record in records if record["speed"] == kind]
        return make(sorted(own, key=lambda record: (record["n_images"], record["set"])))

    return made


KINDS = ("epochs", "memory", "pretraining", "spectral")
"""What is timed unless another kind is named."""
TABLES = {
    make.__name__: _of(kind, make)
    for kind, make in (
        ("epochs", epochs),
        ("epochs", rates),
        ("memory", memory),
        ("pretraining", pretraining),
        ("spectral", spectral),
        ("solvers", solvers),
        ("gpu", gpu_jobs),
        ("gpu", gpu_epochs),
        ("gpu", gpu_truth),
    )
}
