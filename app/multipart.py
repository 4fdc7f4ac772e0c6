"""multipart/form-data, read as it flows: small fields in memory, the one file to its sink."""

from collections.abc import Callable

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.errors import MalformedBody

FILE_FIELD = "file"
MAX_FIELD_BYTES = 1000
MAX_FIELDS = 20


class Form:
    """Feed it chunks; the part named ``file`` goes to ``sink``, the others are ``fields``."""

    def __init__(self, content_type: str, sink: Callable[[bytes], None]) -> None:
        """Raises MalformedBody for a content type without a usable boundary."""
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.content_type = ""
        self.complete = False
        self._sink = sink
        self._files = 0
        self._header = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._data = bytearray()
        self._parser = self._make_parser(content_type)

    def _make_parser(self, content_type: str) -> MultipartParser:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise MalformedBody("multipart/form-data needs a boundary in its Content-Type.")
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part_begin,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._part_named,
                    "on_part_data": self._part_data,
                    "on_part_end": self._part_end,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise MalformedBody(f"The form cannot be read: {error}.") from error

    def feed(self, chunk: bytes) -> None:
        """Raises MalformedBody."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise MalformedBody(f"The form cannot be read: {error}.") from error

    def finish(self) -> None:
        """Raises MalformedBody if the form ended early or had not exactly one file."""
        if not self.complete:
            raise MalformedBody("The form ends before its closing boundary.")
        if self._files != 1:
            raise MalformedBody(
                f"The form has {self._files} parts named {FILE_FIELD!r}: send one with the file."
            )

    def _part_begin(self) -> None:
        self._headers = {}
        self._data = bytearray()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _part_named(self) -> None:
        options = parse_options_header(self._headers.get(b"content-disposition"))[1]
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == FILE_FIELD:
            self._files += 1
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace") or None
            self.content_type = self._headers.get(b"content-type", b"").decode("latin-1")
        elif len(self.fields) >= MAX_FIELDS:
            raise MalformedBody(f"The form has more than {MAX_FIELDS} fields.")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE_FIELD:
            self._sink(data[start:end])
            return
        self._data += data[start:end]
        if len(self._data) > MAX_FIELD_BYTES:
            raise MalformedBody(f"The field {self._name!r} exceeds {MAX_FIELD_BYTES} bytes.")

    def _part_end(self) -> None:
        if self._name != FILE_FIELD:
            self.fields[self._name] = self._data.decode("utf-8", "replace")

    def _end(self) -> None:
        self.complete = True
