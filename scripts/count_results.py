#!/usr/bin/env python3
"""Adds up the test results of a folder and prints `N passed, N failed`; exits 1 if any failed or none ran.

usage: count_results.py FOLDER BROKEN_STEPS
Reads GoogleTest's and pytest's XML, and ctest's list of programs: one that left no counts of its own (it died) is one failure.
"""
import glob
import os
import sys
import xml.etree.ElementTree as ET


def counts(path):
    """(passed, failed) of one XML file; skipped tests are neither."""
    passed = failed = 0
    for case in ET.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is None and case.get("status", "run") == "run":
            passed += 1
    return passed, failed


def main(folder, broken):
    passed, failed = 0, broken
    for path in glob.glob(os.path.join(folder, "**", "*.xml"), recursive=True):
        p, f = counts(path)
        passed, failed = passed + p, failed + f
    for listing in glob.glob(os.path.join(folder, "*", "ctest.junit")):
        for case in ET.parse(listing).getroot().iter("testcase"):
            own = os.path.join(os.path.dirname(listing), f"weir_{case.get('name')}_test.xml")
            bad = case.find("failure") is not None or case.get("status") == "fail"
            if bad and not (os.path.exists(own) and counts(own)[1]):
                print(f"test program {case.get('name')} died")
                failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
