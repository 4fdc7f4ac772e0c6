import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import table

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
    used = set(re.findall(rf"{PREFIX}[A-Z0-9_]+", path.read_text()))
    assert used
    assert used <= {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", IMAGES)
def test_image_installs_its_extra_under_the_constraints(name: str) -> None:
    text = IMAGES[name].read_text()
    assert re.findall(r"\['optional-dependencies'\]\['(.*)'\]", text) == [name]
    assert "--constraint constraints.txt --requirement requirements.txt" in text
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
    assert text.index("USER 10001") < text.index('CMD ["python", "-P", "-m"')
    assert "HEALTHCHECK" in text


def test_api_image_has_no_torch() -> None:
    extras = project()["optional-dependencies"]
    assert not any(name.startswith("torch") for name in extras["api"])  # type: ignore[index]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


def test_compose_is_closed_to_other_machines_and_keeps_every_message() -> None:
    services = compose()["services"]
    always = {name for name, service in services.items() if "profiles" not in service}
    assert always == {"api", "worker", "redis", "postgres"}
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert services["api"]["environment"]["S2CONVSCN_HOST"] == "127.0.0.1"
    words = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in words
    assert "--maxmemory-policy noeviction" in words
    assert services["api"]["volumes"] == services["worker"]["volumes"]


def test_no_password_stands_in_an_environment_or_a_command() -> None:
    text = COMPOSE.read_text()
    assert "PASSWORD:" not in text
    assert not re.search(r"://[^/\s]*:[^/@\s]*@", text)
    for service in compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name:
                assert name.endswith("_FILE")
                assert str(value).removeprefix("/run/secrets/") in service["secrets"]


def test_every_container_has_limits_and_ours_cannot_write_but_to_volumes() -> None:
    services = compose()["services"]
    for service in services.values():
        assert service["deploy"]["resources"]["limits"]["memory"]
    for name in ("api", "worker", "worker-gpu", "prometheus", "grafana", "jaeger"):
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
    gpu = services["worker-gpu"]
    assert gpu["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    assert gpu["environment"]["S2CONVSCN_DEVICE"] == "cuda"


@pytest.mark.parametrize("profile", ["", "watch", "gpu", "s3"])
def test_the_composer_takes_it(profile: str, tmp_path: Path) -> None:
    composer = shutil.which("docker-compose")
    if composer is None:
        pytest.skip("docker-compose is not installed")
    words = ["--profile", profile] if profile else []
    for name in ("postgres_password", "redis_password"):
        (tmp_path / name).write_text("x")
    ended = subprocess.run(
        [composer, *words, "config", "--quiet"],
        cwd=ROOT,
        env=os.environ | {"SECRETS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("name", IMAGES)
def test_the_linter_finds_nothing_in_an_image(name: str) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    ended = subprocess.run(
        [linter, IMAGES[name]], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def figures() -> set[str]:
    """All that Prometheus sees of a figure of ours."""
    names = [row[0] for row in table(ROOT / "docs" / "operations.md", "figure", "labels", "is")]
    return {f"{name}{end}" for name in names for end in ("", "_bucket", "_sum", "_count")}


def test_dashboard_and_alerts_ask_for_figures_that_there_are() -> None:
    dashboard = json.loads((ROOT / "docker/grafana/dashboards/s2convscn.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = yaml.safe_load((ROOT / "docker/alerts.yml").read_text())["groups"][0]["rules"]
    named = set(re.findall(r"s2convscn_\w+", " ".join(asked + [rule["expr"] for rule in rules])))
    assert named
    assert named <= figures()
    used = {
        name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in named
    }
    assert len(used) > 8
    uids = {panel["datasource"]["uid"] for panel in dashboard["panels"]}
    source = yaml.safe_load(
        (ROOT / "docker/grafana/provisioning/datasources/prometheus.yml").read_text()
    )
    assert uids == {source["datasources"][0]["uid"]}


def promtool(*words: str | Path) -> str:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed")
    ended = subprocess.run([tool, *words], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_prometheus_takes_its_configuration() -> None:
    assert "4 rules found" in promtool("check", "config", ROOT / "docker" / "prometheus.yml")


def test_prometheus_asks_the_api_at_the_port_that_it_has(tmp_path: Path) -> None:
    services = compose()["services"]
    assert services["api"]["environment"]["S2CONVSCN_PORT"] == "${PORT:-8000}"
    shell, option, line = services["prometheus"]["entrypoint"]
    prometheus = tmp_path / "prometheus"
    prometheus.write_text("#!/bin/sh\n")
    prometheus.chmod(0o755)
    jobs = yaml.safe_load((ROOT / "docker" / "prometheus.yml").read_text())["scrape_configs"]
    (named,) = jobs[0]["file_sd_configs"][0]["files"]
    here = tmp_path / Path(named).name
    subprocess.run(
        [shell, option, line.replace(named, str(here))],
        env={"PORT": "9000", "PATH": f"{tmp_path}:/usr/bin:/bin"},
        check=True,
    )
    assert json.loads(here.read_text()) == [{"targets": ["127.0.0.1:9000"]}]


def test_a_burst_of_failures_wakes_somebody(tmp_path: Path) -> None:
    failed = 's2convscn_jobs_ended_total{method="lsr",status="failed",problem="job-failed"}'
    lost = 's2convscn_attempts_total{method="lsr",ending="lost",problem="trainer-crashed"}'
    burst = {
        "interval": "15s",
        "input_series": [
            {"series": failed, "values": "0x20 12x40"},
            {"series": lost, "values": "0x20 1x4 2x4 3x40"},
        ],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                "eval_time": "9m",
                "exp_samples": [{"labels": "{}", "value": 1}],
            }
            for name in ("JobsFail", "AttemptsAreLost")
        ],
    }
    rules = [str(ROOT / "docker" / "alerts.yml")]
    test = {"rule_files": rules, "evaluation_interval": "15s", "tests": [burst]}
    (tmp_path / "burst.yml").write_text(yaml.safe_dump(test))
    promtool("test", "rules", tmp_path / "burst.yml")
