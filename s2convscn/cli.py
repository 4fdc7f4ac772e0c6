"""The command ``s2convscn``."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from s2convscn.errors import StackError
from s2convscn.stack import LocalStack

INTERRUPTED = 130
STYLES = {"api": "cyan", "worker": "green", "broker": "magenta", "stack": "bold yellow"}

app = typer.Typer(
    help="Cluster image collections by self-supervised convolutional subspace clustering.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False, soft_wrap=True)
errors = Console(highlight=False, soft_wrap=True, stderr=True)

DataDir = Annotated[
    Path,
    typer.Option(
        envvar="S2CONVSCN_DATA_DIR", help="Folder of the database, the artifacts and the broker."
    ),
]


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(min=1, max=65535, envvar="S2CONVSCN_PORT", help="Port of the API.")
    ] = 8000,
    host: Annotated[
        str, typer.Option(envvar="S2CONVSCN_HOST", help="Address that the API listens on.")
    ] = "127.0.0.1",
    data_dir: DataDir = Path("s2convscn-data"),
) -> None:
    """Run API, one worker and a broker in the foreground; Ctrl-C stops all of it."""
    stack = LocalStack(data_dir, host=host, port=port, say=_say)
    try:
        _catch_signals()
        with stack:
            stack.wait()
    except KeyboardInterrupt:
        _say("stack", "stopped")
    except StackError as error:
        _fail(error)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("demo-results"),
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of the service's data, kept; by default a temporary one."),
    ] = None,
) -> None:
    """Cluster scikit-learn's 1,797 handwritten digits over HTTP, from upload to pictures."""
    from s2convscn.demo import DemoError, run  # noqa: PLC0415 - serve needs none of it

    try:
        _catch_signals()
        run(out, data_dir, console)
    except KeyboardInterrupt:
        errors.print("interrupted; the service is stopped")
        raise typer.Exit(INTERRUPTED) from None
    except (StackError, DemoError) as error:
        _fail(error)


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    },
    add_help_option=False,
    help="Make, list and revoke API keys: create --owner NAME, list, revoke ID.",
)
def keys(context: typer.Context, data_dir: DataDir = Path("s2convscn-data")) -> None:
    """They are made where the database is, and not over HTTP."""
    environment = os.environ | {"S2CONVSCN_DATA_DIR": str(data_dir)}
    command = [sys.executable, "-P", "-m", "app.keys", *context.args]
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603 - this very installation


def _catch_signals() -> None:
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


def _say(name: str, line: str) -> None:
    console.print(Text.assemble((f"{name:>6} ", STYLES[name]), ("| ", "dim"), line))


def _fail(error: Exception) -> NoReturn:
    if logs := getattr(error, "logs", ""):
        errors.print(Text(logs, "dim"))
    errors.print(Text.assemble(("error: ", "bold red"), str(error)))
    raise typer.Exit(1)
