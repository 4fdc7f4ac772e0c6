import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench import Bench
from embedded_broker import Broker

from jobs.settings import Settings


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes a bench in the test's folder; by default nobody answers at the broker's socket."""
    made: list[Bench] = []

    def make(**more: object) -> Bench:
        defaults = {
            "data_dir": tmp_path,
            "device": "cpu",
            "threads": 1,
            "heartbeat_seconds": 0.1,
            "checkpoint_seconds": 0.2,
            "broker_url": f"redis+socket://{tmp_path}/nobody.sock",
            "database_url": None,
        }
        made.append(Bench(Settings(**(defaults | more))))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("b")
    started = Broker(folder)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that a test started; those still running at its end are killed."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()
