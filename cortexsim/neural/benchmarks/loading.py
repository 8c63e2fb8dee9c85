"""From the files of a benchmark to one xarray.Dataset, with its source, terms and units in the
attributes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from cortexsim.arguments import clear_errors
from cortexsim.folders import cache_folder, data_folder
from cortexsim.neural.benchmarks import (
    cichy92,
    cifar10h,
    cowley,
    geirhos,
    grootswagers,
    henaff,
    kriegeskorte92,
    kumbhar,
    latencies,
    maniquet,
    tang,
    zhang_desimone,
)
from cortexsim.neural.benchmarks.benchmark import Benchmark, File
from cortexsim.neural.benchmarks.content import Arrays
from cortexsim.neural.benchmarks.download import contents, fetch, locate, own_table
from cortexsim.neural.benchmarks.registry import benchmark
from cortexsim.provenance import provenance

if TYPE_CHECKING:
    import xarray


BUILDERS: dict[str, Callable[[dict[str, Arrays]], xarray.Dataset]] = {
    "cichy92": cichy92.build,
    "cifar10h": cifar10h.build,
    "cowley": cowley.build,
    "geirhos": geirhos.build,
    "grootswagers": grootswagers.build,
    "henaff": henaff.build,
    "kriegeskorte92": kriegeskorte92.build,
    "kumbhar": kumbhar.build,
    "latencies": latencies.build,
    "maniquet": maniquet.build,
    "tang": tang.build,
    "zhang_desimone": zhang_desimone.build,
}


@clear_errors
def load(name: str, *, progress: bool = True) -> xarray.Dataset:
    """A benchmark as a data set in the coordinates of a recording.

    Its files are downloaded if they are not on this computer. An RDM has the dimensions
    ``([subject,] [session,] [time_ms,] pair)`` in the order of scipy's squareform, responses
    ``([trial,] [time_ms,] stimulus, unit)``; times are the centres of bins in ms after stimulus
    onset. The attributes say title, citation, licence, source, notes and the sha256 of what the
    files say; ``info(name)`` says it before anything is loaded.

    Parameters
    ----------
    name : str
        One of ``neural.list()``.
    progress : bool
        Show a bar while downloading.

    Returns
    -------
    xarray.Dataset
        The benchmark.

    Raises
    ------
    BenchmarkError
        If there is no such benchmark, or if a file is altered or cannot be obtained.

    Examples
    --------
    >>> table = load("latencies")
    >>> [float(v) for v in table.mean_ms[table.area == "V2"]]
    [84.2]
    """
    record = benchmark(name)
    dataset = BUILDERS[record.module](contents(record, progress=progress))
    return dataset.assign_attrs(attributes(record))


def attributes(record: Benchmark) -> dict[str, str]:
    """What every benchmark says of itself; only text, so that netCDF and Zarr can hold it.

    Parameters
    ----------
    record : Benchmark
        The benchmark.

    Returns
    -------
    dict of str to str
        Attributes of its data set.
    """
    known = {
        "name": record.name,
        "title": record.title,
        "citation": record.citation,
        "licence": record.licence,
        "source": _source(record),
        "notes": record.notes,
        "provenance": json.dumps(
            {**provenance("xarray"), "content_sha256": {f.path: f.content for f in record.files}}
        ),
    }
    return {**known, "doi": record.doi} if record.doi else known


def _source(record: Benchmark) -> str:
    """Repository and commit, or that it is a part of cortexsim or a table of the reader's own."""
    own = None if record.files else own_table(record)
    return record.source if own is None else f"your own table, {own}"


@clear_errors
def info(name: str) -> str:
    """What a benchmark is, its terms, and where its files are or come from.

    Parameters
    ----------
    name : str
        One of ``neural.list()``.

    Returns
    -------
    str
        Several lines.

    Examples
    --------
    >>> print(info("cifar10h"))
    cifar10h: Human label distributions of the CIFAR-10 test images
      cite     Peterson, Battleday, Griffiths & Russakovsky 2019, ICCV, arXiv:1908.07086
      licence  CC BY-NC-SA 4.0
      source   https://github.com/jcpeterson/cifar-10h @ 48da312b193b82e6939ec20f23d1f09cbdd849c8
      notes    The ids are those of `--stimuli cifar10`.
      file     cifar10h/cifar10h-counts.npy, 800,128 bytes: counts; downloaded as it is
    ...
    """
    record = benchmark(name)
    lines = [f"{record.name}: {record.title}", f"  cite     {record.citation}"]
    lines += [f"  doi      {record.doi}"] if record.doi else []
    lines += [f"  licence  {record.licence}", f"  source   {_source(record)}"]
    lines += [f"  notes    {record.notes}"] if record.notes else []
    for file in record.files:
        lines.append(f"  file     {file.path}, {file.size:,} bytes: {file.what}; {file.how}")
        place = locate(file)
        lines.append(
            f"           {place}" if place else f"           not here; from {_origin(record, file)}"
        )
    if not record.files:
        lines += [f"  file     {path}" for path in fetch(name)]
    else:
        lines.append(
            f"  folders  CORTEXSIM_DATA {data_folder() or 'not set'}; cache {cache_folder()}"
        )
    return "\n".join(lines)


def _origin(record: Benchmark, file: File) -> str:
    more = f" and {len(file.originals) - 1} more" if len(file.originals) > 1 else ""
    address = record.url if file.sha256 or file.converter else record.page
    return address(file.originals[0]) + more


def availability(record: Benchmark) -> str:
    """In a few words, whether ``load`` will find the files.

    Parameters
    ----------
    record : Benchmark
        The benchmark.

    Returns
    -------
    str
        E.g. "here" or "absent, 5.8 MB".
    """
    absent = [file for file in record.files if locate(file) is None]
    if not absent:
        return "here"
    if any(file.how == "by hand only" for file in absent):
        return "absent, by hand only"
    return f"absent, {sum(file.size for file in absent) / 1e6:.1f} MB"
