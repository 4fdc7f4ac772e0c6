import os
import subprocess
import sys
import time
from pathlib import Path

from s2convscn import processes, warden
from s2convscn.processes import Child, Log


def finished(child: Child) -> str:
    while not (how := child.ended()):
        time.sleep(0.02)
    return how


def test_log_gives_whole_lines_once(tmp_path: Path) -> None:
    log = Log(tmp_path / "logs" / "a.log")
    with log.path.open("a") as file:
        file.write("one\ntwo\nthr")
        file.flush()
        assert log.news() == ["one", "two"]
        file.write("ee\n")
        file.flush()
    assert log.news() == ["three"]
    assert log.news() == []
    assert log.tail(2) == "two\nthree"


def test_log_begins_anew_when_it_is_long(tmp_path: Path) -> None:
    log = Log(tmp_path / "a.log")
    with log.path.open("a") as file:
        file.write("x" * processes.LOG_LIMIT + "\n")
        file.flush()
        assert len(log.news()) == 1
        file.write("after\n")
    assert log.path.read_text() == "after\n"
    assert log.news() == ["after"]


def test_log_of_the_last_run_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("before\n")
    assert Log(tmp_path / "a.log").news() == []
    assert (tmp_path / "a.log.1").read_text() == "before\n"


def test_child_is_logged_and_its_end_is_told(tmp_path: Path) -> None:
    child = Child("a", ["sh", "-c", "echo $WORD; exit 3"], Log(tmp_path / "a.log"))
    child.start({**os.environ, "WORD": "hello"})
    assert finished(child) == "exit status 3"
    assert child.log.news() == ["hello"]
    assert child.pid == 0


def test_child_that_was_killed_is_told_so(tmp_path: Path) -> None:
    child = Child("a", ["sh", "-c", "kill -9 $$"], Log(tmp_path / "a.log"))
    child.start(os.environ)
    assert finished(child) == "killed by signal 9"


def test_child_that_ignores_sigterm_is_killed_with_its_group(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 60 & echo $!; wait; wait"
    child = Child("a", ["sh", "-c", script], Log(tmp_path / "a.log"))
    child.start(os.environ)
    while not (lines := child.log.news()):
        time.sleep(0.02)
    assert child.stop(grace=0.2) is False
    while warden.exists(int(lines[0])):
        time.sleep(0.02)


def test_patience_grows_and_ends(tmp_path: Path) -> None:
    child = Child("a", ["true"], Log(tmp_path / "a.log"))
    waits = [child.patience() for _ in range(processes.MOST_DEATHS + 1)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, None]


def test_warden_stops_what_still_runs_when_its_input_ends() -> None:
    sleepers = [
        subprocess.Popen(["/bin/sh", "-c", "sleep 60"], start_new_session=True) for _ in range(3)
    ]
    lines = [f"{name} {p.pid}\n" for name, p in zip("abc", sleepers, strict=True)]
    subprocess.run(
        [sys.executable, "-IS", warden.__file__, "5", "c", "b", "a"],
        input="".join([*lines, "b 0\n"]),
        text=True,
        check=True,
    )
    assert sleepers[0].wait(5) == sleepers[2].wait(5) == -15
    assert sleepers[1].poll() is None
    sleepers[1].kill()
    sleepers[1].wait()
