"""A hundredth of tests/corpus/mutated_requests.py: no mutated request ends the daemon or is answered 5xx but 503."""
import os
import sys

from daemon import ROOT

sys.path.append(os.path.join(ROOT, "tests/corpus"))

import mutated_requests


def test_mutated_requests_harm_nobody(daemon):
    statuses, _ = mutated_requests.run(daemon, seed=20, count=150, rate=100, turns=1)
    assert not mutated_requests.faults(daemon, statuses)
    assert statuses["mutated"][200] and statuses["mutated"][400]
    assert set(statuses["good"]) <= {200, 503}, statuses["good"]
