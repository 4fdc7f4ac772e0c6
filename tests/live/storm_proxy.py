"""A TCP proxy whose connections can be cut, slowed, left half-open, or refused."""

import socket
import threading
import time
from contextlib import suppress

CHUNK = 65536
LATENCY = 0.3


class Proxy:
    """Listens on a free loopback port and passes on to another, as its ``mood`` says.

    ``well``; ``slow``: each chunk waits; ``deaf``: what comes is kept, nothing goes on, nobody is
    told; ``away``: every connection is cut and new ones are closed at once.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target, self.mood = target, "well"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.open: set[socket.socket] = set()
        self.over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections, in the middle of whatever they say."""
        for end in [*self.open]:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.over.set()
        self.listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                near, _ = self.listener.accept()
                if self.mood == "away":
                    near.close()
                    continue
                far = socket.create_connection(self.target)
            except OSError:
                continue
            self.open |= {near, far}
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                while self.mood == "deaf" and not self.over.is_set():
                    time.sleep(0.05)
                if self.mood == "slow":
                    time.sleep(LATENCY)
                sink.sendall(chunk)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
            self.open.discard(end)
