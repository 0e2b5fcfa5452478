"""packaging/sbom.py over the daemon under test: the list of what is inside obeys CycloneDX's rules and leaves nothing out."""
import json
import os
import re
import subprocess
import sys

import pytest

from daemon import BINARY, ROOT

DEPS = os.environ.get("WEIR_DEPS_DIR", os.path.join(ROOT, ".deps"))
C_LIBRARY = re.compile(r"^(ld-linux|lib(c|m|dl|pthread|rt|resolv|util)\.so)")
sys.path.insert(0, os.path.join(ROOT, "packaging"))


@pytest.fixture(scope="module")
def libraries():
    """The path of each library that the daemon loads."""
    said = subprocess.run(["ldd", BINARY], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^\s*\S+ => (.*) \(0x[0-9a-f]+\)$", said, re.M)


@pytest.fixture(scope="module")
def share(libraries, tmp_path_factory):
    folder = tmp_path_factory.mktemp("a share")
    (folder / "libraries").write_text("\n".join(libraries))
    program = os.path.join(ROOT, "packaging/sbom.py")
    with open(os.path.join(os.path.dirname(BINARY), "CMakeCache.txt")) as f:
        cargo = re.search(r"^WEIR_CARGO:\w+=(.*)$", f.read(), re.M).group(1)
    subprocess.run([program, "--deps", DEPS, "--libraries", folder / "libraries", "--out", folder], check=True,
                   env={**os.environ, "CARGO": cargo})
    return folder


@pytest.fixture(scope="module")
def bill(share):
    return json.loads((share / "sbom.cdx.json").read_text())


def all_components(bill):
    for component in bill["components"]:
        yield component
        yield from component.get("components", ())


def test_the_document_is_cyclonedx(bill):
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bill["serialNumber"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", bill["metadata"]["timestamp"])
    refs = [component["bom-ref"] for component in all_components(bill)]
    assert len(refs) == len(set(refs))
    for entry in bill["dependencies"]:
        assert entry["ref"] == "weir" and set(entry["dependsOn"]) <= set(refs)


def test_each_component_says_what_it_is(bill):
    for component in all_components(bill):
        assert component["type"] == "library" and component["name"]
        for licence in component["licenses"]:
            # An expression stands alone, in a list of one.
            assert ("expression" in licence and len(component["licenses"]) == 1) or len(licence["license"]) == 1
        for hashed in component.get("hashes", ()):
            assert re.fullmatch(r"[0-9a-f]{64}", hashed["content"])
    for component in bill["components"]:
        assert component["version"], component
        assert re.fullmatch(r"pkg:(deb/debian|pypi|cargo|github/[\w-]+)/[\w.%-]+@[\w.%~+-]+(\?\S+)?", component["purl"])


def test_each_library_of_the_daemon_belongs_to_a_component(bill, libraries):
    wanted = {os.path.basename(path) for path in libraries}
    listed = [p["value"].removeprefix("lib/") for c in bill["components"] for p in c.get("properties", ())]
    assert sorted(listed) == sorted(name for name in wanted if not C_LIBRARY.match(name))


def test_it_has_debian_python_crates_and_what_was_compiled_in(bill):
    names = {component["name"] for component in all_components(bill)}
    assert {"libssl3", "nlohmann-json3-dev", "torch", "oneDNN", "oneMKL", "cpp-httplib", "tokenizers", "rust-std"} <= names
    assert not {"syn", "serde_derive"} & names  # they only run while the crate is compiled


def test_each_licence_is_in_the_texts(bill, share):
    texts = (share / "THIRD-PARTY.txt").read_text()
    for component in bill["components"]:
        assert f"{component['name']} {component['version']}" in texts, component["name"]
    assert (share / "LICENSE").read_text() == open(os.path.join(ROOT, "LICENSE")).read()


def test_a_package_that_nobody_described_is_refused(monkeypatch, tmp_path):
    import inventory
    (tmp_path / "cmake").mkdir()
    (tmp_path / "cmake/dependencies.cmake").write_text("find_package(OpenSSL REQUIRED)\nfind_package(Surprise REQUIRED)\n")
    monkeypatch.setattr(inventory, "ROOT", str(tmp_path))
    with pytest.raises(SystemExit, match="Surprise"):
        inventory.compiled_in_of_debian()


def test_it_is_made_without_git_too(monkeypatch):
    import sbom
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", sbom.made_at())
