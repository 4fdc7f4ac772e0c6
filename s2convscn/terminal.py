"""What the commands share: where the service is, how they speak, how they end."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx
import typer
from rich.console import Console
from rich.text import Text

from s2convscn.client import URL_VARIABLE, Client
from s2convscn.errors import ApiProblem, DownloadCorrupted, JobEnded, StackError
from s2convscn.sources import SourceError
from s2convscn.stack import LocalStack, free_port


class Exit(IntEnum):
    """Exit statuses; click gives 2 for what it cannot parse."""

    ERROR = 1
    JOB_FAILED = 3
    JOB_CANCELLED = 4
    INTERRUPTED = 130


out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
err = Console(highlight=False, soft_wrap=True, stderr=True)

Url = Annotated[
    str,
    typer.Option("--url", envvar=URL_VARIABLE, help="The service; its key is S2CONVSCN_API_KEY."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the API has it.")]
JobId = Annotated[str, typer.Argument(help="job_..., as 'jobs' shows it.", show_default=False)]
DataDir = Annotated[
    Path,
    typer.Option(
        envvar="S2CONVSCN_DATA_DIR", help="Folder of the database, the artifacts and the broker."
    ),
]


@contextmanager
def speaking(url: str) -> Iterator[Client]:
    """A client; what it cannot do is said in a sentence, and ends the command."""
    try:
        with Client(url) as client:
            yield client
    except httpx.TransportError as error:
        fail(
            f"{url} does not answer ({error}). Start it with 's2convscn serve', or name it: --url."
        )
    except JobEnded as ended:
        cancelled = ended.job["status"] == "cancelled"
        fail(str(ended), Exit.JOB_CANCELLED if cancelled else Exit.JOB_FAILED)
    except (ApiProblem, DownloadCorrupted, SourceError) as error:
        fail(error)
    except KeyboardInterrupt:
        fail("interrupted", Exit.INTERRUPTED)


@contextmanager
def somewhere(url: str | None, data_dir: Path) -> Iterator[Client]:
    """A client of the service that was named, or of a stack that lasts as long as this."""
    if url is not None:
        with speaking(url) as client:
            yield client
        return
    try:
        err.print(Text(f"No --url: starting the service on {data_dir} ...", "dim"))
        with LocalStack(data_dir, port=free_port()) as stack, speaking(stack.url) as client:
            yield client
    except StackError as error:
        fail(error)
    except KeyboardInterrupt:
        fail("interrupted", Exit.INTERRUPTED)


def put(answer: Any) -> None:
    """JSON on standard output, for a program or for jq."""
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def fail(error: Exception | str, status: Exit = Exit.ERROR) -> NoReturn:
    """The end of a command: what is wrong, on standard error."""
    if logs := getattr(error, "logs", ""):
        err.print(Text(logs, "dim"))
    err.print(Text.assemble(("error: ", "bold red"), str(error)))
    raise typer.Exit(status)


def catch_signals() -> None:
    """The first Ctrl-C, SIGTERM or SIGHUP raises KeyboardInterrupt; then the end is left alone."""
    kinds = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        kinds.append(signal.SIGHUP)

    def interrupt(_number: int, _frame: object) -> NoReturn:
        for kind in kinds:
            signal.signal(kind, signal.SIG_IGN)
        raise KeyboardInterrupt

    for kind in kinds:
        signal.signal(kind, interrupt)
