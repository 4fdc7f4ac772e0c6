from pathlib import Path

import pytest

from s2convscn.sorting import check_free, made


def fill(target: Path) -> None:
    check_free(target)
    with made(target) as folder:
        (folder / "clusters").mkdir()
        (folder / "labels.csv").write_text("name,label")
        assert not (target / "labels.csv").exists()


def contents(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("name", [".", "", "new", "deep/er"])
def test_results_are_put_where_they_were_wished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    fill(Path(name))
    assert contents(Path(name)) == {"clusters", "labels.csv"}


def test_a_folder_that_was_there_may_get_other_things_meanwhile(tmp_path: Path) -> None:
    """A service that is started for the command keeps its data below the current folder."""
    with made(tmp_path) as folder:
        (folder / "labels.csv").write_text("name,label")
        (tmp_path / "s2convscn-data").mkdir()
    assert contents(tmp_path) == {"labels.csv", "s2convscn-data"}


def test_what_a_killed_command_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".partial" / "clusters").mkdir(parents=True)
    fill(tmp_path)
    assert contents(tmp_path) == {"clusters", "labels.csv"}


@pytest.mark.parametrize("there", [True, False])
def test_what_fails_leaves_all_as_it_was(tmp_path: Path, there: bool) -> None:
    target = tmp_path / "out"
    if there:
        target.mkdir()
    with pytest.raises(IsADirectoryError), made(target) as folder:
        folder.write_text("a folder is none")
    assert target.exists() is there
    assert contents(tmp_path) == ({"out"} if there else set())
    assert not there or contents(target) == set()
