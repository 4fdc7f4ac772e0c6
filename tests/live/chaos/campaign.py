"""Carries a plan out against a site."""

import time

from chaos.faults import FAULTS, Fault
from chaos.schedule import generator, plan
from chaos.site import PROCESSES, Site
from chaos.tally import Tally
from live_service import wait_until

RECOVERY_SECONDS = 90.0


def campaign(site: Site, seed: int, number: int, tally: Tally) -> None:
    """Strike so often once jobs run; after most strikes, wait until the service is ready again."""
    wait_until(lambda: len(site.pids("trainer")) == PROCESSES["worker"])
    began = time.monotonic()
    tally.skipped = {f.name: reason for f in FAULTS if (reason := f.missing(site)) is not None}
    faults = {fault.name: fault for fault in FAULTS if fault.name not in tally.skipped}
    for place, strike in enumerate(plan(seed, number, list(faults))):
        seconds = time.monotonic() - began
        print(f"{seconds:6.1f} s, {place}: {strike.fault}", flush=True)  # noqa: T201 - a report
        faults[strike.fault].act(site, generator(strike.seed))
        tally.times[strike.fault] += 1
        if strike.wait:
            tally.recoveries[strike.fault].append(recover(site, faults[strike.fault]))


def recover(site: Site, fault: Fault) -> float:
    began = time.monotonic()
    try:
        wait_until(site.ready, RECOVERY_SECONDS)
    except AssertionError as error:
        message = f"not ready {RECOVERY_SECONDS:.0f} s after {fault.name!r}"
        raise AssertionError(message) from error
    return time.monotonic() - began
