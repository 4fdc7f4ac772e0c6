"""The application: routes, problems and what surrounds them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from app import problems
from app.context import Context
from app.documentation import DESCRIPTION, TAGS, TITLE, secure
from app.metrics import Measured
from app.middleware import Guard, RequestIds
from app.routes import (
    comparisons,
    datasets,
    images,
    jobs,
    methods,
    page,
    predictions,
    results,
    service,
)
from jobs.settings import Settings

UNTRACED = frozenset({"/livez", "/readyz", "/metrics"})
"""What machines ask every few seconds."""


def create_app(settings: Settings) -> FastAPI:
    """The service on these settings; its store is opened at once, the broker when it is needed."""
    context = Context.open(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        context.store.close()

    app = FastAPI(
        title=TITLE,
        version=version("s2convscn"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry={
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": lambda scope: scope.get("path") in UNTRACED,
        },
    )
    app.state.context = context
    rooms = (datasets, images, methods, jobs, results, predictions, comparisons, service, page)
    for module in rooms:
        app.include_router(module.router)
    page.mount(app)
    problems.install(app)
    secure(app)
    app.add_middleware(Guard, context=context)
    app.add_middleware(RequestIds)
    app.add_middleware(Measured, metrics=context.metrics)
    return app
