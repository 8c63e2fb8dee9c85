"""What a benchmark is: a record of its files, its sources and its terms."""

from __future__ import annotations

from dataclasses import dataclass

from cortexsim.errors import CortexsimError

RAW = "https://raw.githubusercontent.com"


class BenchmarkError(CortexsimError):
    """A benchmark that is none, or whose files are absent, altered or cannot be downloaded."""


@dataclass(frozen=True)
class File:
    """One file of a benchmark, below the folder of ``CORTEXSIM_DATA`` or the cache.

    Attributes
    ----------
    path : str
        Below the folder of ``CORTEXSIM_DATA`` or of the cache.
    size : int
        In bytes.
    content : str
        sha256 of what it says (``download.content_sha256``), the same however it is compressed.
    what : str
        What it holds, in words.
    originals : tuple of str
        What the repository holds: paths at the commit.
    sha256 : str or None
        Of its bytes, if the repository holds the very file.
    converter : str or None
        Name of the function that makes the file from the originals (``originals.CONVERTERS``), if
        there is one.
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
        """Its name without folders."""
        return self.path.rpartition("/")[2]

    @property
    def how(self) -> str:
        """How it comes to a user's computer."""
        if self.sha256:
            return "downloaded as it is"
        return "downloaded and converted" if self.converter else "by hand only"


@dataclass(frozen=True)
class Benchmark:
    """What a benchmark is, whose it is, and where its files come from.

    Attributes
    ----------
    name : str
        By which ``neural.load`` knows it.
    module : str
        The module that holds the function that builds its data set.
    line : str
        One line for ``neural.list``.
    title, citation, licence, doi, notes : str
        What a user must know.
    repository, commit : str
        Of GitHub, where the originals lie; "" for what is part of cortexsim.
    files : tuple of File
        The files it is made of.
    """

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
        """Repository and commit, in words."""
        return (
            f"https://github.com/{self.repository} @ {self.commit}"
            if self.repository
            else "part of cortexsim"
        )

    def url(self, original: str) -> str:
        """Where an original lies.

        Parameters
        ----------
        original : str
            Path in the repository.

        Returns
        -------
        str
            Address of the bytes.
        """
        return f"{RAW}/{self.repository}/{self.commit}/{original}"

    def page(self, original: str) -> str:
        """Where a person finds an original, also if it is a folder.

        Parameters
        ----------
        original : str
            Path in the repository.

        Returns
        -------
        str
            Address of the page.
        """
        return f"https://github.com/{self.repository}/tree/{self.commit}/{original}"
