"""Commands on jobs and methods of a running service."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from s2convscn.answers import Job
from s2convscn.client import HERE
from s2convscn.show import details, watching
from s2convscn.terminal import AsJson, Exit, JobId, Url, out, put, speaking

ENDS = {"failed": Exit.JOB_FAILED, "cancelled": Exit.JOB_CANCELLED}
STYLES = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "running": "cyan"}
LABELS = "labels.csv"


def jobs(
    url: Url = HERE,
    status: Annotated[str | None, typer.Option(help="Those in this state alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="So many, the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""
    with speaking(url) as client:
        asked = {"limit": limit} | ({"status": status} if status else {})
        found = client.get("/v1/jobs", **asked)["items"]
    if as_json:
        put(found)
        return
    table = Table(Column("job", no_wrap=True), "state", "method", "clusters", "", box=SIMPLE_HEAD)
    for job in found:
        state = f"[{STYLES.get(job['status'], 'default')}]{job['status']}[/]"
        n = str(job["request"]["n_clusters"])
        table.add_row(job["id"], state, job["method"]["method"], n, _said(job))
    out.print(table if found else "There are no jobs.")


def watch(job_id: JobId, url: Url = HERE, as_json: AsJson = False) -> None:
    """Show a job as it goes, until it is over; exit status 3 if it failed, 4 if cancelled."""
    with speaking(url) as client, watching() as view:
        job = client.wait(job_id, view)
    _tell(job, as_json=as_json)
    if job["status"] in ENDS:
        raise typer.Exit(ENDS[job["status"]])


def cancel(job_id: JobId, url: Url = HERE, as_json: AsJson = False) -> None:
    """Stop a job; its checkpoint is kept."""
    with speaking(url) as client:
        _tell(client.cancel(job_id), as_json=as_json)


def resume(job_id: JobId, url: Url = HERE, as_json: AsJson = False) -> None:
    """Go on with a failed or cancelled job, as a new one."""
    with speaking(url) as client:
        _tell(client.resume(job_id), as_json=as_json)


def download(
    job_id: JobId,
    into: Annotated[Path, typer.Option("--out", "-o", help="Folder of the files.")] = Path(),
    name: Annotated[
        list[str] | None, typer.Option(help="This file alone; may be repeated.", show_default=False)
    ] = None,
    url: Url = HERE,
    as_json: AsJson = False,
) -> None:
    """Fetch a job's files, each checked against its digest; labels.csv is one of them."""
    with speaking(url) as client:
        known = [artifact["name"] for artifact in client.artifacts(job_id)]
        chosen = name or [LABELS, *known]
        if unknown := set(chosen) - {LABELS, *known}:
            message = f"no {', '.join(sorted(unknown))}; there are {LABELS}, {', '.join(known)}"
            raise typer.BadParameter(message, param_hint="--name")
        into.mkdir(parents=True, exist_ok=True)
        paths = [str(client.download(_path(job_id, file), into / file)) for file in chosen]
    if as_json:
        put(paths)
    else:
        out.print("\n".join(paths), markup=False)


def methods(
    name: Annotated[str | None, typer.Argument(help="Of one: its hyperparameters.")] = None,
    url: Url = HERE,
    as_json: AsJson = False,
) -> None:
    """List the clustering methods, or tell of one what can be set."""
    with speaking(url) as client:
        found = client.get(f"/v1/methods/{name}" if name else "/v1/methods")
    if as_json:
        put(found if name else found["items"])
    elif name:
        _explain(found)
    else:
        table = Table("method", "is", "presets", box=SIMPLE_HEAD)
        for method in found["items"]:
            table.add_row(method["name"], method["title"], ", ".join(method["presets"]))
        out.print(table)


def _explain(method: dict[str, Any]) -> None:
    out.print(f"[bold]{method['name']}[/]  {method['title']}")
    out.print(f"{method['description']}\n\n{method['citation']}", markup=False)
    table = Table("hyperparameter", "default", "means", box=SIMPLE_HEAD)
    for field, schema in method["parameters"]["properties"].items():
        default = method["defaults"].get(field)
        shown = "chosen by a rule" if default is None else str(default)
        table.add_row(field, shown, schema.get("description", ""))
    out.print(table)


def _said(job: Job) -> str:
    """What a list has to say of a job beside its state."""
    if job["terminal"]:
        return str((job["error"] or {}).get("detail", ""))
    return f"{job['progress']:.0%}  {details(job)}" if job["progress"] else job["message"]


def _path(job_id: str, file: str) -> str:
    labels = f"/v1/jobs/{job_id}/labels?format=csv"
    return labels if file == LABELS else f"/v1/jobs/{job_id}/artifacts/{file}"


def _tell(job: Job, *, as_json: bool) -> None:
    if as_json:
        put(job)
    else:
        out.print(f"{job['id']}  {job['message']}", markup=False)
