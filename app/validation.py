"""A body or parameter that does not validate, as a problem that says what would be right."""

from collections.abc import Sequence
from typing import Any

from app import errors
from jobs.errors import DomainError

METHOD = ("body", "method")
METHODS = ("body", "methods")
COUNT = ("body", "n_clusters")
COUNTS = (COUNT, ("body", "landmarks"))
MALFORMED = "json_invalid"
BY_FIELD: dict[tuple[str, ...], type[DomainError]] = {
    COUNT: errors.InvalidNClusters,
}
"""Parts of a body whose refusals are problems of their own."""
PLAIN = {
    "dict_type": "must be an object",
    "extra_forbidden": "is not known",
    "missing": "is needed",
    "model_attributes_type": "must be an object",
    "too_long": "may have {max_length} items",
    "too_short": "must have at least {min_length} item(s)",
    "string_pattern_mismatch": "must match {pattern}",
    "tuple_type": "must be a list of numbers, or one number",
    "union_tag_invalid": "names no method: there are {expected_tags}, not {tag!r}",
    "union_tag_not_found": "must be a method's name, or an object that has it under 'method'",
}
"""By pydantic's type of error, sentences that a person understands better than pydantic's own."""
NO_COUNT = 'must be a whole number of 2 or more, or "auto", not {!r}'
NO_OBJECT = "must be a JSON object, sent as application/json"
"""What to say where the whole body is something else."""


def refusal(found: Sequence[Any]) -> DomainError:
    """The problem of the first error, with ``errors`` listing all by JSON pointer."""
    first, found = found[0], _own(found)
    if first["type"] == MALFORMED:
        return errors.MalformedBody(f"The body is not JSON: {first['ctx']['error']}.")
    if first["loc"][0] == "query" and first["loc"][-1] == "cursor":
        return errors.InvalidCursor("Take the cursor from next_cursor of the page before.")
    entries = [{"pointer": pointer(e["loc"]), "detail": sentence(e)} for e in found]
    detail = "; ".join(f"{e['pointer'] or 'the body'} {e['detail']}" for e in entries)
    kind = _kind(first)
    if kind is errors.UnknownHyperparameter:
        name = first["loc"][_method(first["loc"])]
        detail += f"; GET /v1/methods/{name} lists the hyperparameters"
    return kind(f"{detail}.", errors=entries)


def _own(found: Sequence[Any]) -> list[Any]:
    """Without those that say that a list is too short because its items were refused."""
    locations = [e["loc"] for e in found]
    return [
        e
        for e in found
        if e["type"] != "too_short"
        or not any(
            len(loc) > len(e["loc"]) and loc[: len(e["loc"])] == e["loc"] for loc in locations
        )
    ]


def _kind(error: Any) -> type[DomainError]:
    method = _method(error["loc"])
    unknown = error["type"] == "extra_forbidden"
    if not method or (unknown and len(error["loc"]) == method):
        return BY_FIELD.get(tuple(error["loc"][:2]), errors.InvalidRequest)
    if error["type"].startswith("union_tag"):
        return errors.UnknownMethod
    return errors.UnknownHyperparameter if unknown else errors.InvalidHyperparameter


def _method(loc: Sequence[Any]) -> int:
    """How many parts of a place lead to the method that it is in, 0 if it is in none."""
    if tuple(loc[:2]) == METHOD:
        return len(METHOD)
    return len(METHODS) + 1 if tuple(loc[:2]) == METHODS and len(loc) > len(METHODS) else 0


def pointer(loc: Sequence[Any]) -> str:
    """Where the error is: a JSON pointer into the body, or ``?name`` for a query parameter."""
    if loc[0] != "body":
        return ("?" if loc[0] == "query" else "") + ".".join(map(str, loc[1:]))
    path = list(loc)
    if method := _method(loc):
        del path[method : method + 1]  # the union's tag, which is no member of the body
    elif tuple(loc[:2]) in COUNTS:
        del path[2:]
    return "".join(f"/{part}" for part in path[1:])


def sentence(error: Any) -> str:
    """What is wrong and, where the schema knows it, what would be right."""
    if error["type"] == "model_attributes_type":
        if len(error["loc"]) == 1:
            return NO_OBJECT
        if _method(error["loc"]) == len(error["loc"]):
            return PLAIN["union_tag_not_found"]
    if error["type"] in PLAIN:
        return PLAIN[error["type"]].format(**error.get("ctx", {}))
    if tuple(error["loc"][:2]) in COUNTS:
        return NO_COUNT.format(error["input"])
    message = str(error["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
