#!/usr/bin/env python3
"""Unpacks parts of a wheel, a zip or a tar.gz, keeping each file's time and mode.

usage: unpack.py ARCHIVE DEST PREFIX=TARGET...
Members whose path starts with PREFIX go to DEST/TARGET + the rest of their path. Names the PREFIX that matched nothing.
"""
import os
import shutil
import sys
import tarfile
import time
import zipfile


def members(path):
    """Yields (name, mode, time, opener) of every regular file."""
    if path.endswith(".tar.gz"):
        with tarfile.open(path, "r:gz") as archive:
            for m in archive:
                if m.isfile():
                    yield m.name, m.mode, m.mtime, lambda m=m: archive.extractfile(m)
    else:
        with zipfile.ZipFile(path) as archive:
            for m in archive.infolist():
                if not m.is_dir():
                    mode = (m.external_attr >> 16) & 0o777 or 0o644
                    when = time.mktime(m.date_time + (0, 0, -1))
                    yield m.filename, mode, when, lambda m=m: archive.open(m)


def main(path, dest, rules):
    rules = [r.split("=", 1) for r in rules]
    unused = {prefix for prefix, _ in rules}
    for name, mode, when, opener in members(path):
        for prefix, target in rules:
            if not name.startswith(prefix):
                continue
            rest = target + name[len(prefix):]
            if os.path.isabs(rest) or ".." in rest.split("/"):
                sys.exit(f"{path}: member {name} would leave {dest}")
            out = os.path.join(dest, rest)
            os.makedirs(os.path.dirname(out), exist_ok=True)
            with opener() as src, open(out, "wb") as dst:
                shutil.copyfileobj(src, dst, 1 << 20)
            os.chmod(out, mode | 0o600)
            os.utime(out, (when, when))
            unused.discard(prefix)
            break
    if unused:
        sys.exit(f"{path}: nothing starts with {', '.join(sorted(unused))}")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
