"""A TCP proxy whose connections can be cut, slowed, refused, and lost without a word."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 65536
TCP_REPAIR = 19
"""Linux's socket option: what is closed under it sends neither FIN nor RST."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no seconds: closing sends RST."""


class Pair:
    """A client's connection and its server's."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.ends = (client, server)

    def close(self, *options: tuple[int, int, int | bytes]) -> None:
        """What is read from stops reading; its last user closes it, as the options say."""
        for end in self.ends:
            with suppress(OSError):
                for option in options:
                    end.setsockopt(*option)
                end.shutdown(socket.SHUT_RD if options else socket.SHUT_RDWR)
            end.close()


class Link:
    """Listens on ``port`` of the loopback address for the server on ``target``."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.delay = 0.0
        self.refusing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: set[Pair] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Reset every connection, at both ends."""
        self._drop((socket.SOL_SOCKET, socket.SO_LINGER, RESET))

    def lose(self) -> None:
        """Forget every connection: its ends are not told, and learn it when they next speak."""
        self._drop((socket.IPPROTO_TCP, TCP_REPAIR, 1))

    @contextmanager
    def slowed(self, seconds: float) -> Iterator[None]:
        """Each piece that comes through is held back."""
        self.delay = seconds
        try:
            yield
        finally:
            self.delay = 0.0

    @contextmanager
    def refused(self) -> Iterator[None]:
        """No connection is there, and none is made."""
        self.refusing = True
        self.cut()
        try:
            yield
        finally:
            self.refusing = False

    def _drop(self, option: tuple[int, int, int | bytes]) -> None:
        for pair in list(self._pairs):
            self._pairs.discard(pair)
            pair.close(option)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            if self.refusing:
                raise ConnectionRefusedError
            server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            server.settimeout(None)
        except OSError:
            client.close()
            return
        pair = Pair(client, server)
        self._pairs.add(pair)
        for source, sink in (pair.ends, pair.ends[::-1]):
            threading.Thread(target=self._pump, args=(pair, source, sink), daemon=True).start()

    def _pump(self, pair: Pair, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                time.sleep(self.delay)
                sink.sendall(data)
        if pair in self._pairs:
            self._pairs.discard(pair)
            pair.close()
