"""Key files for the suites about limits."""

import hashlib
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def key_file(keys: dict[str, str], models: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """The file's path and each name's secret; the values of `keys` are further lines of their tables, `models` further tables."""
    made = {name: "sk-bench-" + secrets.token_urlsafe(24) for name in keys}
    tables = [f'[[key]]\nname = "{name}"\nhash = "sha256:{hashlib.sha256(made[name].encode()).hexdigest()}"\n{lines}\n'
              for name, lines in keys.items()]
    with tempfile.TemporaryDirectory(prefix="bench-keys-") as folder:
        path = Path(folder) / "keys.toml"
        path.write_text("\n".join([*tables, models]))
        yield str(path), made
