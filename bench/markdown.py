"""Tables in Markdown."""


def number(value: float | int | None) -> str:
    """Three digits that mean something; none is a dash."""
    if value is None:
        return "–"
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 else f"{value:.3f}"


def counted(clients: int) -> str:
    return "1 client" if clients == 1 else f"{clients} clients"


def table(head: list[str], rows: list[list[object]]) -> str:
    """Cells that are numbers are rounded, others shown as they are."""
    cell = lambda value: value if isinstance(value, str) else number(value)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows])
