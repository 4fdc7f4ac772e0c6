"""The command ``s2convscn``."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from s2convscn import commands
from s2convscn.errors import StackError
from s2convscn.sorting import cluster, predict
from s2convscn.stack import LocalStack, gpus
from s2convscn.terminal import DataDir, Exit, catch_signals, err, fail, out

STYLES = {"api": "cyan", "worker": "green", "broker": "magenta", "stack": "bold yellow"}

app = typer.Typer(
    help="Cluster image collections by self-supervised convolutional subspace clustering.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

MOST_WORKERS = 64
REMOTE: tuple[Callable[..., None], ...] = (
    cluster,
    predict,
    commands.jobs,
    commands.watch,
    commands.cancel,
    commands.resume,
    commands.download,
    commands.methods,
)
for command in REMOTE:
    app.command()(command)


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(min=1, max=65535, envvar="S2CONVSCN_PORT", help="Port of the API.")
    ] = 8000,
    host: Annotated[
        str, typer.Option(envvar="S2CONVSCN_HOST", help="Address that the API listens on.")
    ] = "127.0.0.1",
    workers: Annotated[
        str, typer.Option(help="How many jobs at a time; gpus: one for each GPU, at least one.")
    ] = "1",
    data_dir: DataDir = Path("s2convscn-data"),
) -> None:
    """Run API, workers and a broker in the foreground; Ctrl-C stops all of it."""
    many = _workers(workers)
    stack = LocalStack(data_dir, host=host, port=port, workers=many, say=_say)
    try:
        catch_signals()
        with stack:
            stack.wait()
    except KeyboardInterrupt:
        _say("stack", "stopped")
    except StackError as error:
        fail(error)


def _workers(text: str) -> int:
    """Raises typer.BadParameter for what is no number of workers."""
    if text == "gpus":
        return max(gpus(), 1)
    if text.isdigit() and 0 < int(text) <= MOST_WORKERS:
        return int(text)
    message = f"{text!r} is no number from 1 to {MOST_WORKERS}, and not 'gpus'."
    raise typer.BadParameter(message, param_hint="--workers")


@app.command()
def demo(
    into: Annotated[Path, typer.Option("--out", help="Folder of the results.")] = Path(
        "demo-results"
    ),
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of the service's data, kept; by default a temporary one."),
    ] = None,
) -> None:
    """Cluster scikit-learn's 1,797 handwritten digits over HTTP, from upload to pictures."""
    from s2convscn.demo import DemoError, run  # noqa: PLC0415 - serve needs none of it

    try:
        catch_signals()
        run(into, data_dir, out)
    except KeyboardInterrupt:
        err.print("interrupted; the service is stopped")
        raise typer.Exit(Exit.INTERRUPTED) from None
    except (StackError, DemoError) as error:
        fail(error)


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


def _say(name: str, line: str) -> None:
    out.print(Text.assemble((f"{name:>6} ", STYLES[name.partition("-")[0]]), ("| ", "dim"), line))
