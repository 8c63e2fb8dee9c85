"""Whom to cite for an output: the works behind what it used, as BibTeX."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from cortexsim.errors import AnalysisError
from cortexsim.files import parsed_json
from cortexsim.models.weights import split_seed, weights_folder
from cortexsim.models.zoo import zoo
from cortexsim.neural.benchmarks.registry import BENCHMARKS

FILE = Path(__file__).with_name("citations.bib")
ALWAYS, ZOO = "always", "zoo"


@cache
def entries() -> dict[str, tuple[str, frozenset[str]]]:
    """Every entry: key -> its BibTeX without keywords, and the words that call for it.

    Returns
    -------
    dict of str to (str, frozenset of str)
        In the order of the file.
    """
    found = {}
    for text in re.findall(r"^@\w+\{.*?^\}", FILE.read_text(encoding="utf-8"), re.M | re.S):
        key = re.match(r"@\w+\{([^,]+),", text)
        words = re.search(r"^  keywords = \{(.*)\},\n", text, re.M)
        if key is None or words is None:
            raise AnalysisError(f"{FILE.name} has an entry without key or keywords: {text[:60]}")
        called = frozenset(word.strip() for word in words[1].split(","))
        found[key[1]] = text.replace(words[0], ""), called
    return found


def citations(sources: list[str]) -> dict[str, str]:
    """The works to cite for outputs, or for benchmarks and networks by name.

    Parameters
    ----------
    sources : list of str
        Paths of recordings, RDM movies, results (.nc), model cards and numbers of figures (.json);
        or names of benchmarks and of networks of the zoo.

    Returns
    -------
    dict of str to str
        Key -> BibTeX: this software, the networks, the data, the methods.

    Raises
    ------
    AnalysisError
        For what is none of these.

    Examples
    --------
    >>> list(citations(["cichy92-fmri"]))
    ['cortexsim', 'cichy2014resolving', 'cichy2019algonauts']
    """
    words = {ALWAYS}
    for source in sources:
        words |= _words(source)
    for name in [word for word in words if _of_zoo(word)]:  # also what it was trained on
        words |= _words(name)
    # A graph of states may also be the user's own.
    if "transitions" in words or any(map(_of_zoo, words)):
        words.add(ZOO)
    return {key: text for key, (text, called) in entries().items() if called & words}


def _of_zoo(name: str) -> bool:
    """Whether a word is the name of a network of the zoo, of a twin or of one more seed.

    >>> _of_zoo("cortex4-twin-seed2"), _of_zoo("cortex")
    (True, False)
    """
    return split_seed(name)[0].removesuffix("-twin") in zoo()


def _words(source: str) -> set[str]:
    """Every text that an output has as a value, or the name itself."""
    if any(source in called for _, called in entries().values()):
        return {source}
    if (weights := weights_folder() / f"{source}.safetensors").is_file():
        return {source} | _words(str(weights))
    if source in BENCHMARKS or _of_zoo(source):
        return {source}
    path = Path(source)
    if not path.exists():
        raise AnalysisError(
            f"{source} is no file, no benchmark and no network; benchmarks are "
            f"{', '.join(BENCHMARKS)}; networks are listed by cortexsim models"
        )
    if path.suffix == ".safetensors":
        path = path.with_suffix(".json")
    if path.suffix == ".json":
        return set(_texts(parsed_json(path.read_text(), str(path), error=AnalysisError)))
    if path.suffix == ".zip":
        return _in_zip(path)
    if path.suffix == ".html":
        return set(re.findall(r"[\w.-]+", path.read_text(encoding="utf-8")))
    if path.suffix == ".nc":
        from cortexsim.interop.netcdf import from_netcdf

        data = from_netcdf(path)
        coordinates = [v for c in data.coords.values() if c.dtype.kind in "UOT" for v in c.values]
        attributes = dict(data.attrs)
        skipped = json.loads(attributes.pop("controls_skipped", "{}"))  # asked for, not had
        return ({str(v) for v in coordinates} | set(_texts(attributes))) - set(skipped)
    root = path / "zarr.json"
    if path.is_dir() and not root.is_file():  # a run, or several outputs
        inside = sorted(p for p in path.rglob("*") if p.suffix in (".nc", ".safetensors"))
        if inside:
            return set().union(*(_words(str(p)) for p in inside))
    if not root.is_file():
        raise AnalysisError(
            f"{path} is no output of cortexsim; give a recording, an RDM movie, a result (.nc), a "
            "model card or the numbers of a figure (.json)"
        )
    return set(_texts(parsed_json(root.read_text(), str(root), error=AnalysisError)))


def _in_zip(path: Path) -> set[str]:
    """The texts of the cards in a package for Brain-Score."""
    try:
        with zipfile.ZipFile(path) as package:
            cards = [name for name in package.namelist() if name.endswith(".json")]
            read = [package.read(name).decode() for name in cards]
    except (zipfile.BadZipFile, OSError, UnicodeDecodeError) as error:
        raise AnalysisError(f"{path} cannot be read: {error}") from error
    return set(_texts([parsed_json(text, str(path), error=AnalysisError) for text in read]))


def _texts(value: Any) -> Iterator[str]:
    """Every text within; of texts that are JSON, those within."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield str(key)
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value
        if value[:1] in "{[":
            try:
                inner = json.loads(value)
            except ValueError:
                return
            yield from _texts(inner)
