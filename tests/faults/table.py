"""What a kind of fault leaves behind: counts of outcomes, and the table of all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Row:
    """One line of the table.

    fault: its kind. of: what it was done to. good, bad: outcomes that may be, and that must not
    be, in the order in which they are shown. failures: what went wrong, to be done again.
    """

    fault: str
    of: str
    good: tuple[str, ...]
    bad: tuple[str, ...]
    counts: Counter = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, outcome: str, which: str = "") -> None:
        """One more round; ``which`` says how it is done again."""
        assert outcome in (*self.good, *self.bad), outcome
        self.counts[outcome] += 1
        if outcome in self.bad:
            self.failures.append(f"{self.fault} of {self.of}: {outcome}: {which}")

    @property
    def rounds(self) -> int:
        """How many there were."""
        return sum(self.counts.values())

    def cells(self) -> list[str]:
        """Fault, what it was done to, rounds, outcomes, failures."""
        outcomes = ", ".join(
            f"{self.counts[o]} {o}"
            for o in (*self.good, *self.bad)
            if self.counts[o] or o in self.bad
        )
        return [self.fault, self.of, str(self.rounds), outcomes, str(len(self.failures))]


def printed(rows: list[Row]) -> str:
    """The table, as Markdown."""
    cells = [["fault", "of", "rounds", "outcomes", "failures"], *(row.cells() for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths)) + " |"
        for line in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])
