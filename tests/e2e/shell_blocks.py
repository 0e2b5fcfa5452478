"""The commands of a document: what stands in its fenced `sh` blocks, as a reader would paste it."""
import re
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    text: str
    answer: str  # the comment under it, without its marks: what a reader is told to expect; may be empty


def blocks(markdown, section=None, kind="sh"):
    """The texts of the fenced blocks of a kind, of the whole document or of the section with this heading."""
    if section is not None:
        _, found, rest = markdown.partition(f"\n## {section}\n")
        assert found, f"no section {section!r}"
        markdown = rest.split("\n## ", 1)[0]
    return re.findall(rf"^```{kind}\n(.*?)^```$", markdown, re.M | re.S)


def complete(text):
    """Whether a shell would wait for no further line."""
    return not text.endswith("\\") and subprocess.run(["bash", "-n", "-c", text], capture_output=True).returncode == 0


def commands(block):
    """Its commands in order; one may have several lines."""
    found, text = [], ""
    for line in block.splitlines():
        if text:
            text += f"\n{line}"
        elif line.startswith("#") and found:
            last = found.pop()
            found.append(Command(last.text, f"{last.answer} {line.lstrip('# ')}".strip()))
        elif not line.startswith("#"):
            text = line
        if text and complete(text):
            found.append(Command(text, ""))
            text = ""
    assert not text, f"a command without its end: {text}"
    return found
