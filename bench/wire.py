"""Times of the wire, measured where a host would feel them: in Python, on the real process. Prints one JSON line a case.

usage: wire.py CASE ...        PYTHONPATH must hold clients/python/src
"""

import json
import subprocess
import sys
import time

from ml_sidecar import Sidecar
from ml_sidecar.find import find

STARTS = 15
PINGS_IDLE = 20_000
SECONDS_BUSY = 8.0


def quantile(values, fraction):
    return sorted(values)[min(len(values) - 1, int(fraction * len(values)))]


def pings(ml, go_on):
    """Round trips in milliseconds, for as long as `go_on(count)` says."""
    times = []
    while go_on(len(times)):
        start = time.perf_counter()
        ml.ping()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def start():
    times = []
    for _ in range(STARTS):
        begun = time.perf_counter()
        child = subprocess.Popen(find().command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        child.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        assert b'"id":1' in child.stdout.readline()
        times.append((time.perf_counter() - begun) * 1e3)
        child.stdin.close()
        child.wait()
        child.stdout.close()
    return {"start": quantile(times, 0.5)}


def round_trip():
    with Sidecar() as ml:
        pings(ml, lambda count: count < 2_000)
        times = pings(ml, lambda count: count < PINGS_IDLE)
    return {"round-trip-p50": quantile(times, 0.5), "round-trip-p99": quantile(times, 0.99)}


def busy_ping():
    """A wide network keeps every engine thread at work for longer than the pings last."""
    with Sidecar() as ml:
        model = ml.create("classification", {"type": "mlp", "hidden": [512, 512]}, seed=1)
        job = model.train("digits", epochs=1_000_000, batch_size=128, seed=1)
        until = time.perf_counter() + SECONDS_BUSY
        next(event for event in job if event.type == "train.epoch")
        times = pings(ml, lambda _: time.perf_counter() < until)
        assert job.refresh()["state"] == "running", "the training ended before the pings did"
        job.cancel()
    return {"busy-ping-p99": quantile(times, 0.99)}


MEASUREMENTS = {"start": start, "round-trip-p50": round_trip, "round-trip-p99": round_trip, "busy-ping-p99": busy_ping}


def main():
    wanted = sys.argv[1:] or list(MEASUREMENTS)
    for measure in dict.fromkeys(MEASUREMENTS[case] for case in wanted):
        for case, milliseconds in measure().items():
            print(json.dumps({"case": case, "milliseconds": milliseconds}), flush=True)


main()
