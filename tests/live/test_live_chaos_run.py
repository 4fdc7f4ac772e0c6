"""A hundred faults in an order that a seed gives, and nothing accepted is lost, doubled or changed.

``S2CONVSCN_CHAOS_SEED`` and ``S2CONVSCN_CHAOS_FAULTS`` choose seed and number, of which each of the
two stacks gets half.
"""

import os
import secrets
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from chaos import checks, servers
from chaos.campaign import campaign
from chaos.load import CLUSTERS, METHOD, SEEDS, Images, Load
from chaos.site import Site, embedded, with_servers
from chaos.tally import Tally
from live_service import Service

pytestmark = pytest.mark.chaos

SEED = int(os.environ.get("S2CONVSCN_CHAOS_SEED") or secrets.randbelow(10**6))
FAULTS = int(os.environ.get("S2CONVSCN_CHAOS_FAULTS") or 100)
Build = Callable[[Path], AbstractContextManager[Site]]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    return Images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def undisturbed(
    service: Service, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> tuple[checks.Results, dict[int, checks.Results]]:
    """The data set's files, and the results for each seed."""
    path = tmp_path_factory.mktemp("upload") / "set.zip"
    path.write_bytes(images.upload(-1))
    dataset = service.client.upload(path, truth="folders")["id"]
    jobs = {
        seed: service.client.submit(dataset, CLUSTERS, method=METHOD, seed=seed)["id"]
        for seed in SEEDS
    }
    for job_id in jobs.values():
        service.finish(job_id)
    results = {seed: checks.results(service, job_id) for seed, job_id in jobs.items()}
    return checks.data_digests(service, dataset), results


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("build", "share"), [(embedded, (FAULTS + 1) // 2), (with_servers, FAULTS // 2)]
)
def test_nothing_is_lost(
    build: Build,
    share: int,
    images: Images,
    undisturbed: tuple[checks.Results, dict[int, checks.Results]],
    tmp_path: Path,
) -> None:
    if build is with_servers and (reason := servers.missing()):
        pytest.skip(reason)
    tell(f"{build.__name__}: S2CONVSCN_CHAOS_SEED={SEED}, {share} faults")
    try:
        run(build, share, images, undisturbed, tmp_path / "data")
    except BaseException as error:
        error.add_note(f"S2CONVSCN_CHAOS_SEED={SEED} S2CONVSCN_CHAOS_FAULTS={FAULTS} repeats it")
        raise


def run(
    build: Build,
    share: int,
    images: Images,
    undisturbed: tuple[checks.Results, dict[int, checks.Results]],
    data_dir: Path,
) -> None:
    began, tally = time.monotonic(), Tally()
    try:
        strike_and_check(build, share, images, undisturbed, data_dir, tally)
    finally:
        for line in tally.lines():
            tell(line)
    seconds = time.monotonic() - began
    tell(f"{build.__name__}: seed {SEED}, all as it should be after {seconds:.0f} s")


def strike_and_check(
    build: Build,
    share: int,
    images: Images,
    undisturbed: tuple[checks.Results, dict[int, checks.Results]],
    data_dir: Path,
    tally: Tally,
) -> None:
    pixels, results = undisturbed
    with build(data_dir) as site:
        load = Load(site.links["client"].port, images)
        load.start()
        campaign(site, SEED, share, tally)
        load.finish()
        checks.check_jobs(site, load, results)
        checks.check_datasets(site, load, pixels)
        checks.check_workers(site)
        events = Counter(kind for job in load.accepted for kind in site.service.events(job))
        site.service.stack.stop()
        swept = checks.check_left(site)
    tally.notes = [
        f"answers to uploads and submissions: {dict(load.answers)}",
        f"data sets: {len(load.datasets)}; events of {len(load.accepted)} jobs: {dict(events)}",
        f"files left to the sweep: {swept}",
    ]


def tell(line: str) -> None:
    print(f"\n{line}", end="", flush=True)  # noqa: T201 - a report
