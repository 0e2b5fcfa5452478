#!/usr/bin/env python3
"""Writes what is inside a collected weir into a folder: sbom.cdx.json (CycloneDX 1.6), THIRD-PARTY.txt (every licence's text
once, under the names of those it holds for), LICENSE.

usage: sbom.py --deps DIR --libraries FILE --out DIR      FILE has the path of each library that the daemon loads, one a line
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import inventory  # noqa: E402

C_LIBRARY = re.compile(r"/(ld-linux|lib(c|m|dl|pthread|rt|resolv|util)\.so)")


def version():
    text = inventory.read(os.path.join(inventory.ROOT, "CMakeLists.txt"))
    return re.search(r"^project\(weir VERSION (\S+)", text, re.M).group(1)


def made_at():
    """The time of the commit, so that the same sources give the same file; of SOURCE_DATE_EPOCH where that is set."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    if not seconds and shutil.which("git"):  # an image is built without git and without the history
        asked = subprocess.run(["git", "log", "-1", "--format=%ct"], capture_output=True, text=True, cwd=inventory.ROOT)
        seconds = asked.stdout.strip()
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(seconds or time.time())))


def licences(component):
    if component.is_expression:
        return [{"expression": component.licence}]
    kind = "id" if component.licence in inventory.SPDX else "name"
    return [{"license": {kind: component.licence}}]


def described(component, inside=""):
    ref = component.purl or f"{inside}#{component.name}"
    made = {"type": "library", "bom-ref": ref, "name": component.name}
    if component.version:
        made["version"] = component.version
    if component.sha256:
        made["hashes"] = [{"alg": "SHA-256", "content": component.sha256}]
    made["licenses"] = licences(component)
    if component.purl:
        made["purl"] = component.purl
    if component.files:
        made["properties"] = [{"name": "weir:file", "value": f"lib/{name}"} for name in component.files]
    if component.parts:
        made["components"] = [described(part, ref) for part in component.parts]
    return made


def bill(components):
    weir = {"type": "application", "bom-ref": "weir", "name": "weir", "version": version(),
            "licenses": [{"license": {"id": "Apache-2.0"}}]}
    content = {"components": [described(component) for component in components],
               "dependencies": [{"ref": "weir", "dependsOn": [component.purl for component in components]}]}
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([weir, content]))
    return {"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{serial}", "version": 1,
            "metadata": {"timestamp": made_at(), "component": weir}, **content}


def licence_texts(components):
    holders = {}
    for component in components:
        for text in component.texts:
            holders.setdefault(text.strip(), []).append(f"{component.name} {component.version}")
    rule = "=" * 100
    parts = ["What weir has inside is listed in sbom.cdx.json. Its licences and notices:"]
    parts += [f"{rule}\n{', '.join(names)}\n{rule}\n\n{text}" for text, names in holders.items()]
    return "\n\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    for name in ("--deps", "--libraries", "--out"):
        parser.add_argument(name, required=True)
    args = parser.parse_args()
    libraries = [line for line in inventory.read(args.libraries).splitlines() if not C_LIBRARY.search(line)]
    components = inventory.components(args.deps, libraries)
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, "sbom.cdx.json"), "w", encoding="utf-8") as f:
        f.write(json.dumps(bill(components), indent=1, ensure_ascii=False) + "\n")
    with open(os.path.join(args.out, "THIRD-PARTY.txt"), "w", encoding="utf-8") as f:
        f.write(licence_texts(components))
    shutil.copy(os.path.join(inventory.ROOT, "LICENSE"), args.out)
    print(f"==> {args.out}/sbom.cdx.json: {len(components)} components and {sum(len(c.parts) for c in components)} inside them")


if __name__ == "__main__":
    main()
