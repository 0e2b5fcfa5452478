"""docs/demands.md names no file and no test that is not there."""
import os
import re

from daemon import ROOT

with open(os.path.join(ROOT, "docs/demands.md"), encoding="utf-8") as file:
    PAGE = file.read()
NAMED = sorted(set(re.findall(r"`((?:tests|scripts|docker|models|bench|packaging)/[\w./-]+(?:::[\w.]+)?)`", PAGE)))


def test_every_demand_has_a_row():
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| (works|in part|not yet) \|", PAGE, re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 31))


def is_there(named):
    path, _, test = named.partition("::")
    if not os.path.exists(os.path.join(ROOT, path)):
        return False
    if not test:
        return True
    with open(os.path.join(ROOT, path), encoding="utf-8") as source:
        text = source.read()
    if path.endswith(".py"):
        return re.search(rf"^def {test}\(", text, re.M)
    suite, name = test.split(".")
    return re.search(rf"^TEST(_F|_P)?\({suite},\s*{name}\)", text, re.M)


def test_what_shows_it_is_there():
    assert len(NAMED) > 40
    assert [named for named in NAMED if not is_there(named)] == []
