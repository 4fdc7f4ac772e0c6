"""The documented settings are those of the code; run as a script, this file writes them down."""

from pathlib import Path
from typing import Any

from jobs.settings import GIB, PREFIX, Settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"
HEAD = "| variable | default | values | meaning |\n|---|---|---|---|\n"


def table() -> str:
    properties = Settings.model_json_schema()["properties"]
    return HEAD + "".join(row(name, properties[name]) for name in Settings.model_fields)


def row(name: str, schema: dict[str, Any]) -> str:
    variants = [v for v in schema.get("anyOf", [schema]) if v.get("type") != "null"]
    cells = f"`{PREFIX}{name.upper()}`", default(schema), values(variants[0])
    return f"| {' | '.join(cells)} | {schema['description']} |\n"


def default(schema: dict[str, Any]) -> str:
    value = schema.get("default")
    if value is None:
        return "-"
    whole = isinstance(value, int) and value >= GIB and value % GIB == 0
    return f"`{value}` ({value // GIB} GiB)" if whole else f"`{value}`"


def values(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    words = [{"integer": "whole number", "number": "number"}.get(schema["type"], "text")]
    if schema.get("format") == "path":
        words = ["path"]
    limits = {"exclusiveMinimum": "above", "minimum": "from", "maximum": "to"}
    return " ".join(words + [f"{w} {schema[key]:g}" for key, w in limits.items() if key in schema])


def test_document_lists_every_setting_as_the_code_has_it() -> None:
    assert table() in DOCUMENT.read_text(), f"run python {Path(__file__).name} to write it anew"


def test_document_names_no_variable_that_does_not_exist() -> None:
    words = DOCUMENT.read_text().replace("`", " ").replace("=", " ").split()
    named = {word for word in words if word.startswith(PREFIX) and word != f"{PREFIX}"}
    assert named == {PREFIX + name.upper() for name in Settings.model_fields}


if __name__ == "__main__":
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(HEAD)
    lines = rest.splitlines(keepends=True)
    after = "".join(line for line in lines if not line.startswith("|"))
    DOCUMENT.write_text(before + table() + after)
