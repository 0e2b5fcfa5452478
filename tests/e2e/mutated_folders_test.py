"""A seeded hundredth of tests/corpus/mutated_folders.py, which runs two thousand by itself."""
import os
import sys

from daemon import ROOT

sys.path.insert(0, os.path.join(ROOT, "tests/corpus"))
import mutated_folders  # noqa: E402


def test_check_and_serve_agree_on_mutated_folders_and_nothing_ends(tmp_path):
    good, wrong = mutated_folders.run(20, 1, str(tmp_path))
    assert not wrong, "\n".join(f"{folder.base} {folder.done}: {said}" for folder, said in wrong)
    assert good * 3 >= 20
