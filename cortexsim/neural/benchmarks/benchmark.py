"""What a benchmark is: a record of its files, its sources and its terms."""

from __future__ import annotations

from dataclasses import dataclass

from cortexsim.errors import CortexsimError

RAW = "https://raw.githubusercontent.com"


class BenchmarkError(CortexsimError):
    """A benchmark that does not exist, or whose files are absent, altered or cannot be downloaded."""


@dataclass(frozen=True)
class File:
    """One file of a benchmark, below the folder of ``CORTEXSIM_DATA`` or the cache.

    content: sha256 of what it says (``download.content_sha256``), the same however it is compressed. sha256: of its bytes, if the repository holds
    the very file. originals: what the repository holds, paths at the commit; converter: the name of the function that makes the file from them
    (``originals.CONVERTERS``); None where there is none.
    """

    path: str
    size: int
    content: str
    what: str
    originals: tuple[str, ...]
    sha256: str | None = None
    converter: str | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def how(self) -> str:
        """How it comes to a user's computer."""
        if self.sha256:
            return "downloaded as it is"
        return "downloaded and converted" if self.converter else "by hand only"


@dataclass(frozen=True)
class Benchmark:
    """What a benchmark is; ``module`` holds the function that builds its data set."""

    name: str
    module: str
    line: str
    title: str
    citation: str
    licence: str
    doi: str = ""
    repository: str = ""
    commit: str = ""
    files: tuple[File, ...] = ()
    notes: str = ""

    @property
    def source(self) -> str:
        return (
            f"https://github.com/{self.repository} @ {self.commit}"
            if self.repository
            else "part of cortexsim"
        )

    def url(self, original: str) -> str:
        """Where an original lies."""
        return f"{RAW}/{self.repository}/{self.commit}/{original}"

    def page(self, original: str) -> str:
        """Where a person finds an original, also if it is a folder."""
        return f"https://github.com/{self.repository}/tree/{self.commit}/{original}"
