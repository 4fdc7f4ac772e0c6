"""The web page and the API's documentation: files of this package, which need no key to be seen."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response

FOLDER = Path(__file__).parents[1] / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing runs that is not a file of the page, and it speaks to nobody but this service."""
LOOSER = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""The documentation's library writes styles into its elements."""

router = APIRouter(include_in_schema=False)


@router.get("/")
@router.head("/")
def page() -> FileResponse:
    return _file("index.html", POLICY)


@router.get("/docs")
def docs() -> FileResponse:
    return _file("docs.html", LOOSER)


def _file(name: str, policy: str) -> FileResponse:
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    return FileResponse(FOLDER / name, headers=headers)


def mount(app: FastAPI) -> None:
    """The page's scripts and styles; a browser asks each time whether they are still the same."""
    app.mount("/page", Fresh(directory=FOLDER), name="page")


class Fresh(StaticFiles):
    """Files that are asked for again with their ETag, so that an update of the service is seen."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response
