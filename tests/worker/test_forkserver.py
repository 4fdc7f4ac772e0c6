"""What holds because trainers are forked by a process that has loaded their libraries."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench import ENDLESS, LONG, QUICK, Bench, wait_until

from jobs.records import Job
from jobs.states import Status
from s2convscn import warden
from worker import forkserver
from worker.attempt import Attempt
from worker.exchange import STOPPED, write
from worker.process import Trainer

MakeBench = Callable[..., Bench]
HOLDER = """
import sys, time
from worker import forkserver
print(forkserver.take().process.pid, flush=True)
time.sleep(600)
"""
HALF = """
import sys

class Once:
    def find_spec(self, name, path=None, target=None):
        if name == "torch.nn":
            sys.meta_path.remove(self)
            raise OSError("only half of it is there")

sys.meta_path.insert(0, Once())
"""


@pytest.fixture
def _new_server() -> Iterator[None]:
    """The next trainer waits for its server to load, and leaves it to no other test."""
    forkserver.close()
    yield
    forkserver.close()


def server_of(trainer: int) -> int:
    """The parent of a process."""
    return int(Path(f"/proc/{trainer}/stat").read_text().rpartition(")")[2].split()[1])


def files_of(process: int) -> int:
    """How many it has open: one that is killed can write no more once it has none."""
    try:
        return len(list(Path(f"/proc/{process}/fd").iterdir()))
    except OSError:
        return 0


def under_way(bench: Bench, job: Job) -> int:
    """The process that trains for a job, once it does."""
    progress = bench.scratch(job) / "progress.json"
    wait_until(progress.exists)
    return bench.trainer_pid(job)


def test_one_server_forks_a_trainer_for_each_attempt(make_bench: MakeBench) -> None:
    bench = make_bench()
    servers, trainers = set(), set()
    for _ in range(2):
        job = bench.submit(ENDLESS)
        thread = bench.begin(job.id)
        trainers.add(pid := under_way(bench, job))
        servers.add(server_of(pid))
        bench.store.jobs.cancel(job.id, "local")
        thread.join()
        assert bench.job(job.id).status is Status.CANCELLED
        assert not warden.exists(pid)
    assert (len(servers), len(trainers)) == (1, 2)


def test_an_attempt_whose_server_is_killed_is_lost_and_the_next_has_another(
    make_bench: MakeBench,
) -> None:
    bench = make_bench()
    job = bench.submit(LONG)
    thread = bench.begin(job.id)
    trainer = under_way(bench, job)
    os.kill(server_of(trainer), signal.SIGKILL)
    thread.join()
    assert (bench.job(job.id).status, bench.job(job.id).failures) == (Status.QUEUED, 1)
    assert not warden.exists(trainer)
    bench.supervisor.run(job.id)
    assert bench.job(job.id).status is Status.SUCCEEDED


def test_a_trainer_writes_no_more_once_its_servers_death_is_told(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, told = make_bench(), []
    job = bench.submit(ENDLESS)
    thread = bench.begin(job.id)
    trainer = under_way(bench, job)
    conclude = Attempt._conclude

    def concluding(attempt: Attempt, ended: Trainer) -> None:
        told.append(files_of(trainer))
        conclude(attempt, ended)

    monkeypatch.setattr(Attempt, "_conclude", concluding)
    os.kill(trainer, signal.SIGSTOP)
    assert files_of(trainer)
    os.kill(server_of(trainer), signal.SIGKILL)
    thread.join()
    assert told == [0]
    assert bench.job(job.id).failures == 1


def test_a_trainer_hears_a_signal_that_comes_as_it_is_forked(make_bench: MakeBench) -> None:
    bench = make_bench()
    for _ in range(5):
        bench.submit(ENDLESS)
        attempt = bench.attempt()
        write(attempt.scratch.spec, attempt._specify())
        server = forkserver.take()
        server.order(attempt.scratch)
        while not (messages := server.messages()):
            pass
        os.kill(messages[0]["pid"], signal.SIGTERM)
        wait_until(lambda: messages.extend(server.messages()) or len(messages) > 1)  # noqa: B023
        assert messages[1:] == [{"status": STOPPED}]
        forkserver.give_back(server)


@pytest.mark.parametrize("first", ["trainer", "worker"])
def test_a_signal_to_the_whole_service_costs_no_attempt(make_bench: MakeBench, first: str) -> None:
    bench = make_bench()
    job = bench.submit(ENDLESS)
    thread = bench.begin(job.id)
    trainer = under_way(bench, job)
    if first == "worker":
        bench.supervisor.shutdown.set()
    os.kill(trainer, signal.SIGTERM)
    wait_until(lambda: not warden.exists(trainer))
    bench.supervisor.shutdown.set()
    thread.join()
    assert (bench.job(job.id).status, bench.job(job.id).failures) == (Status.QUEUED, 0)


def test_an_idle_server_that_was_killed_is_replaced() -> None:
    first = forkserver.take()
    forkserver.give_back(first)
    assert forkserver.take() is first
    forkserver.give_back(first)
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    second = forkserver.take()
    forkserver.give_back(second)
    assert second is not first


@pytest.mark.usefixtures("_new_server")
def test_a_trainer_told_to_stop_before_its_server_has_loaded_stops(make_bench: MakeBench) -> None:
    bench = make_bench(grace_seconds=100_000)  # nothing is killed: it has to listen
    job = bench.submit(ENDLESS)
    thread = bench.begin(job.id)
    wait_until((bench.scratch(job) / "trainer.log").exists)
    bench.store.jobs.cancel(job.id, "local")
    thread.join()
    assert bench.job(job.id).status is Status.CANCELLED


def test_a_server_ends_with_the_process_that_has_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        server = int(holder.stdout.readline())
        assert warden.exists(server)
        holder.kill()
    wait_until(lambda: not warden.exists(server))


@pytest.mark.usefixtures("_new_server")
def test_a_broken_installation_is_told_by_the_attempt(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "torch.py").write_text("raise ImportError('torch is broken')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    bench = make_bench(max_failures=1)
    job = bench.submit(QUICK)
    bench.supervisor.run(job.id)
    failed = bench.job(job.id)
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert failed.error["type"] == "/v1/problems/trainer-crashed"
    assert "torch is broken" in failed.error["detail"]


@pytest.mark.usefixtures("_new_server")
def test_half_a_library_fails_no_job_for_another_reason(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(HALF)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hook"))
    bench = make_bench(max_failures=2)
    job = bench.submit(QUICK)
    for failures in (1, 2):
        bench.supervisor.run(job.id)
        assert bench.job(job.id).failures == failures
    error = bench.job(job.id).error
    assert error is not None
    assert error["type"] == "/v1/problems/trainer-crashed"
    assert "only half of it is there" in error["detail"]


def test_trainers_yield_to_what_has_to_answer(make_bench: MakeBench) -> None:
    bench = make_bench()
    job = bench.submit(ENDLESS)
    thread = bench.begin(job.id)
    trainer = under_way(bench, job)
    niceness = os.getpriority(os.PRIO_PROCESS, trainer)
    bench.store.jobs.cancel(job.id, "local")
    thread.join()
    assert niceness == min(os.getpriority(os.PRIO_PROCESS, 0) + 5, 19)
