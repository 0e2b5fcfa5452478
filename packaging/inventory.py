"""What is inside a collected weir: Debian's libraries, Python packages' libraries, crates, and sources compiled in.

Every source of weir's dependencies is asked: dpkg, scripts/pins, cargo. One that cannot be named ends the program.
"""
import dataclasses
import glob
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CRATE = os.path.join(ROOT, "src/text/rust")
TARGET = "x86_64-unknown-linux-gnu"
CARGO = os.environ.get("CARGO", "cargo")  # the one that compiled the crate

# How cmake/dependencies.cmake names a package, and what of Debian it is: a header compiled in, or a library found by ldd.
COMPILED_IN = {"nlohmann_json": "nlohmann-json3-dev", "CLI11": "libcli11-dev", "tomlplusplus": "libtomlplusplus-dev"}
LINKED = {"Threads", "spdlog", "prometheus-cpp", "OpenSSL", "SQLite3"}
NOT_SHIPPED = {"GTest", "benchmark"}

# oneMKL is linked into libtorch_cpu.so; no file of the wheel says which.
ONEMKL_IN_TORCH = {"2.11.0": "2024.2"}
NVIDIA = "NVIDIA Software License Agreement"

# Debian's short names of licences, and the SPDX identifiers of the same.
DEBIAN_LICENCES = {"Expat": "MIT", "MIT": "MIT", "Apache-2.0": "Apache-2.0", "BSD-3-clause": "BSD-3-Clause",
                   "BSD-3-Clause": "BSD-3-Clause", "BSD-2-clause": "BSD-2-Clause", "Zlib": "Zlib", "zlib": "Zlib",
                   "GPL-2+": "GPL-2.0-or-later", "GPL-3+": "GPL-3.0-or-later", "LGPL-2.1+": "LGPL-2.1-or-later"}
# Packages whose copyright file is no list of paragraphs.
GCC_RUNTIME = "GPL-3.0-or-later WITH GCC-exception-3.1"
DEBIAN_PROSE = {"libstdc++6": GCC_RUNTIME, "libgcc-s1": GCC_RUNTIME, "zlib1g": "Zlib"}
SPDX = {"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "Zlib", "GPL-2.0-or-later", "GPL-3.0-or-later",
        "LGPL-2.1-or-later"}  # those that are written as identifiers; all others as names in words


@dataclasses.dataclass
class Component:
    name: str
    version: str
    purl: str
    licence: str  # an SPDX identifier or expression, or a name in words
    texts: list = dataclasses.field(default_factory=list)  # of licences and notices
    sha256: str = ""
    parts: list = dataclasses.field(default_factory=list)  # components linked or compiled into this one
    files: list = dataclasses.field(default_factory=list)  # names of its libraries

    @property
    def is_expression(self):
        return bool(re.search(r"\b(OR|AND|WITH)\b", self.licence))


def fail(message):
    sys.exit(f"inventory: {message}")


def output(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        fail(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def distribution():
    said = dict(line.split("=", 1) for line in read("/etc/os-release").splitlines() if "=" in line)
    return said["ID"].strip('"'), said.get("VERSION_ID", "").strip('"')


# Debian

def package_of(library):
    """The Debian package that has a file. dpkg may know /usr/lib/x as /lib/x."""
    real = os.path.realpath(library)
    for path in (real, real.removeprefix("/usr"), "/usr" + real):
        asked = subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True)
        if asked.returncode == 0:
            return asked.stdout.split(":")[0]
    fail(f"{library} belongs to no Debian package")


def debian_licence(package, text):
    """The licence of the paragraph `Files: *`, which is that of most files."""
    if package in DEBIAN_PROSE:
        return DEBIAN_PROSE[package]
    paragraph = re.search(r"^Files:\s*\*.*?^License:\s*(\S[^\n]*)", text, re.M | re.S)
    if not paragraph:
        return "see the copyright file"
    return DEBIAN_LICENCES.get(paragraph.group(1).strip(), paragraph.group(1).strip())


def debian(package, files=()):
    version, architecture = output("dpkg-query", "-W", "-f", "${Version} ${Architecture}", package).split()
    vendor, release = distribution()
    text = read(f"/usr/share/doc/{package}/copyright")
    escaped = version.replace("+", "%2B").replace(":", "%3A")
    return Component(package, version, f"pkg:deb/{vendor}/{package.replace('+', '%2B')}@{escaped}?arch={architecture}"
                     f"&distro={vendor}-{release}", debian_licence(package, text), [text], files=list(files))


def compiled_in_of_debian():
    """The header-only packages among those that the build asks for."""
    asked = set(re.findall(r"^\s*find_package\(([\w-]+)", read(os.path.join(ROOT, "cmake/dependencies.cmake")), re.M))
    if unknown := asked - COMPILED_IN.keys() - LINKED - NOT_SHIPPED:
        fail(f"cmake/dependencies.cmake finds {', '.join(sorted(unknown))}: say in packaging/inventory.py what that is")
    return [debian(COMPILED_IN[name]) for name in sorted(asked & COMPILED_IN.keys())]


# Python packages

def pins(name):
    """(name, version, SHA-256) of each package of a file of pins."""
    return re.findall(r"^(\S+)==(\S+) --hash=sha256:(\S+)", read(os.path.join(ROOT, f"scripts/pins/{name}.txt")), re.M)


def torch_parts(deps, version, text):
    """What its own LICENSE lists as linked into it, and what it does not list: oneMKL, and the libgomp beside it."""
    bundled = re.findall(r"^Name: (.*)\nLicense: (.*)\nFiles: /pytorch/third_party/[^/,\n]+,?$", text, re.M)
    parts = [Component(name, "", "", licence) for name, licence in bundled]
    header = read(os.path.join(deps, "torch/include/oneapi/dnnl/dnnl_version.h"))
    digits = re.findall(r"^#define DNNL_VERSION_\w+ (\d+)$", header, re.M)
    parts.append(Component("oneDNN", ".".join(digits), f"pkg:github/uxlfoundation/oneDNN@v{'.'.join(digits)}", "Apache-2.0"))
    if version not in ONEMKL_IN_TORCH:
        fail(f"say in packaging/inventory.py which oneMKL torch {version} has inside")
    parts.append(Component("oneMKL", ONEMKL_IN_TORCH[version], "", "Intel Simplified Software License"))
    parts.append(Component("libgomp", "", "", GCC_RUNTIME))
    return parts


def python_package(deps, pin):
    name, version, sha256 = pin
    texts = [read(path) for path in sorted(glob.glob(os.path.join(glob.escape(deps), "torch/licences", name, "*")))]
    made = Component(name, version, f"pkg:pypi/{name}@{version}", NVIDIA, texts, sha256)
    if name == "torch":
        if not texts:
            fail(f"{deps}/torch/licences is not there; run scripts/setup")
        made.licence = "BSD-3-Clause"
        made.parts = torch_parts(deps, version, "\n".join(texts))
    return made


def owner_beside_torch(library):
    owners = {"libcudart": "nvidia-cuda-runtime", "libcupti": "nvidia-cuda-cupti"}
    return owners.get(library.split(".")[0], "torch")


def python_packages(deps, libraries):
    """Of libtorch and what lies beside it; of the libraries for a GPU where libtorch's half for it is linked."""
    made = [python_package(deps, pin) for pin in pins("torch")]
    beside = [os.path.basename(path) for path in libraries if os.path.dirname(path) == os.path.join(deps, "torch/lib")]
    for package in made:
        package.files = [library for library in beside if owner_beside_torch(library) == package.name]
    if "libtorch_cuda.so" in beside:
        made += [python_package(deps, pin) for pin in pins("cuda-runtime") if pin[0] != "torch"]
        made += [Component(name, version, f"pkg:pypi/{name}@{version}", "Apache-2.0", [], sha256)
                 for name, version, sha256 in pins("flashinfer")]
    return made


def httplib(deps):
    folder = os.path.join(deps, "cpp-httplib")
    version = re.search(r'^#define CPPHTTPLIB_VERSION "(.*)"$', read(os.path.join(folder, "httplib.h")), re.M).group(1)
    texts = [read(os.path.join(folder, "LICENSE"))]
    return Component("cpp-httplib", version, f"pkg:github/yhirose/cpp-httplib@v{version}", "MIT", texts)


# Crates

def cargo(*arguments):
    """Offline where the crates are there, as after a build."""
    return output(CARGO, *arguments, "--locked", "--offline", cwd=CRATE)


def crates():
    """Those linked into the text crate: not what only runs while it is compiled."""
    tree = cargo("tree", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}", "--target", TARGET)
    linked = set(re.findall(r"^(\S+) v(\S+)", tree, re.M))
    checksums = dict(((name, version), checksum) for name, version, checksum in re.findall(
        r'name = "(.*)"\nversion = "(.*)"\nsource = .*\nchecksum = "(.*)"', read(os.path.join(CRATE, "Cargo.lock"))))
    made = []
    for package in json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET))["packages"]:
        name, version = package["name"], package["version"]
        if (name, version) not in linked or not package["source"]:
            continue
        folder = os.path.dirname(package["manifest_path"])
        texts = [read(os.path.join(folder, file)) for file in sorted(os.listdir(folder))
                 if re.match(r"(?i)(un)?licen[cs]e|copying|notice", file) and os.path.isfile(os.path.join(folder, file))]
        licence = re.sub(r"\s*/\s*", " OR ", package["license"] or "")
        made.append(Component(name, version, f"pkg:cargo/{name}@{version}", licence or "see the licence file", texts,
                              checksums.get((name, version), "")))
    return sorted(made, key=lambda crate: crate.name)


def rust_library():
    """Rust's standard library. Its licences lie beside a compiler of rustup's, or in the package of one of Debian's."""
    rustc = os.path.join(os.path.dirname(CARGO), "rustc")
    version = output(rustc, "--version").split()[1]
    folder = os.path.join(output(rustc, "--print", "sysroot").strip(), "share/doc/rust/licenses")
    if os.path.isdir(folder):
        texts = [read(os.path.join(folder, name)) for name in ("Apache-2.0.txt", "MIT.txt")]
    else:
        texts = [read(f"/usr/share/doc/{package_of(shutil.which(rustc))}/copyright")]
    return Component("rust-std", version, f"pkg:github/rust-lang/rust@{version}", "MIT OR Apache-2.0", texts)


def components(deps, libraries):
    """Everything inside a daemon that loads `libraries`, by name of its source."""
    deps = os.path.abspath(deps)
    libraries = [os.path.abspath(path) for path in libraries]
    of_debian = {}
    for path in libraries:
        if not path.startswith(deps + os.sep):
            of_debian.setdefault(package_of(path), []).append(os.path.basename(path))
    found = [debian(package, files) for package, files in sorted(of_debian.items())]
    found += compiled_in_of_debian() + python_packages(deps, libraries) + [httplib(deps)] + crates() + [rust_library()]
    return found
