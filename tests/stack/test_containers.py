import re
import sys
import tomllib
from pathlib import Path

import pytest

from jobs.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
IMAGES = {name: ROOT / "docker" / f"{name}.Dockerfile" for name in ("api", "worker")}
PACKAGES = {"api": {"app", "jobs", "models"}, "worker": {"jobs", "models", "worker"}}
FILES = [COMPOSE, *IMAGES.values()]


def project() -> dict[str, object]:
    found: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def lines(name: str, pattern: str) -> list[str]:
    return re.findall(pattern, IMAGES[name].read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_is_a_setting(path: Path) -> None:
    used = set(re.findall(rf"{PREFIX}[A-Z_]+", path.read_text()))
    assert used
    assert used <= {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", IMAGES)
def test_image_installs_its_extra_under_the_constraints(name: str) -> None:
    text = IMAGES[name].read_text()
    assert re.findall(r"pip install .*'\.\[(.*)\]'", text) == [name]
    assert "--constraint constraints.txt" in text
    assert name in project()["optional-dependencies"]  # type: ignore[operator]


@pytest.mark.parametrize("name", IMAGES)
def test_image_has_a_python_that_the_project_supports(name: str) -> None:
    assert set(lines(name, r"^FROM python:(\d+\.\d+)-slim")) == {"3.11"}
    assert project()["requires-python"] == ">=3.11"
    assert sys.version_info >= (3, 11)


@pytest.mark.parametrize("name", IMAGES)
def test_image_copies_what_exists_and_runs_its_package_as_a_plain_user(name: str) -> None:
    text = IMAGES[name].read_text()
    copied = {word for line in lines(name, r"^COPY (?!--)(.*)") for word in line.split()}
    assert all((ROOT / word).exists() for word in copied)
    assert PACKAGES[name] <= copied
    assert text.index("USER s2convscn") < text.index('CMD ["python", "-P", "-m"')
    assert "HEALTHCHECK" in text


def test_api_image_has_no_torch() -> None:
    extras = project()["optional-dependencies"]
    assert not any(name.startswith("torch") for name in extras["api"])  # type: ignore[index]
    assert "[api]" in IMAGES["api"].read_text()


def test_compose_is_closed_to_other_machines_and_keeps_every_message() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert set(services) == {"api", "worker", "redis", "postgres"}
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert services["api"]["environment"]["S2CONVSCN_HOST"] == "127.0.0.1"
    words = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in words
    assert "--maxmemory-policy noeviction" in words
    assert services["api"]["volumes"] == services["worker"]["volumes"]
