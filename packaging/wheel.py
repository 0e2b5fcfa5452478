#!/usr/bin/env python3
"""Makes a wheel of a collected weir (docker/collect): the package `weir` with the daemon, its libraries and a command `weir`.

usage: wheel.py TREE VERSION GLIBC OUT_DIR      GLIBC is the oldest C library that the files run with, such as 2.34
"""
import base64
import hashlib
import os
import sys
import time
import zipfile

METADATA = """Metadata-Version: 2.4
Name: weir
Version: {version}
Summary: One daemon that serves language models over HTTP, encoders and decoders alike, and meters every client
License-Expression: Apache-2.0
License-File: LICENSE
License-File: THIRD-PARTY.txt
Classifier: Operating System :: POSIX :: Linux
Requires-Python: >=3.8
Description-Content-Type: text/markdown

`weir serve --model NAME=DIR` serves a Hugging Face folder on 127.0.0.1:8080; `weir --help` says more. The daemon is a
native program: Python only starts it.
"""


class Wheel:
    """A wheel that is being written, and its RECORD."""

    def __init__(self, path, info, when):
        self.archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9)
        self.info = info
        self.when = time.gmtime(when)[:6]
        self.record = []

    def add(self, name, content, mode=0o644):
        entry = zipfile.ZipInfo(name, self.when)
        entry.external_attr = (0o100000 | mode) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self.archive.writestr(entry, content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self.record.append(f"{name},sha256={digest},{len(content)}")

    def add_file(self, name, path):
        with open(path, "rb") as f:
            self.add(name, f.read(), os.stat(path).st_mode & 0o777)

    def close(self):
        name = f"{self.info}/RECORD"
        self.add(name, "\n".join([*self.record, f"{name},,", ""]).encode())
        self.archive.close()


def main(tree, version, glibc, out):
    tag = f"py3-none-manylinux_{glibc.replace('.', '_')}_x86_64"
    path = os.path.join(out, f"weir-{version}-{tag}.whl")
    info = f"weir-{version}.dist-info"
    wheel = Wheel(path, info, int(os.environ["SOURCE_DATE_EPOCH"]))
    here = os.path.dirname(os.path.abspath(__file__))
    wheel.add_file("weir/__init__.py", os.path.join(here, "launcher.py"))
    wheel.add("weir/__main__.py", b"from weir import main\n\nmain()\n")
    for folder in ("bin", "lib", "config"):
        for name in sorted(os.listdir(os.path.join(tree, folder))):
            wheel.add_file(f"weir/{folder}/{name}", os.path.join(tree, folder, name))
    for name in ("LICENSE", "THIRD-PARTY.txt"):
        wheel.add_file(f"{info}/licenses/{name}", os.path.join(tree, "share", name))
    wheel.add_file(f"{info}/sboms/weir.cdx.json", os.path.join(tree, "share/sbom.cdx.json"))
    wheel.add(f"{info}/METADATA", METADATA.format(version=version).encode())
    wheel.add(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: weir\nRoot-Is-Purelib: false\nTag: {tag}\n".encode())
    wheel.add(f"{info}/entry_points.txt", b"[console_scripts]\nweir = weir:main\n")
    wheel.close()


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
