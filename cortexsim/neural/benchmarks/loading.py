"""From the files of a benchmark to one xarray.Dataset, with its source, terms and units in the attributes."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.neural.benchmarks.benchmark import Benchmark, File
from cortexsim.neural.benchmarks.download import cache_folder, contents, data_folder, fetch, locate
from cortexsim.neural.benchmarks.registry import benchmark
from cortexsim.pairs import condensed
from cortexsim.provenance import provenance

if TYPE_CHECKING:
    import xarray


def load(name: str, *, progress: bool = True) -> xarray.Dataset:
    """A benchmark as a data set in the coordinates of a recording; its files are downloaded if they are not here.

    name: one of ``neural.list()``. progress: a bar while downloading. An RDM has the dimensions ``([subject,] [session,] [time_ms,] pair)`` in the
    order of scipy's squareform, responses ``([trial,] [time_ms,] stimulus, unit)``, times are the centres of bins in ms after stimulus onset.
    The attributes say title, citation, licence, source, notes and the sha256 of what the files say; ``info(name)`` says it before anything is loaded.

    Raises BenchmarkError if there is no such benchmark, or if a file is altered or cannot be obtained.

    >>> table = load("latencies")
    >>> [float(v) for v in table.mean_ms[table.area == "V2"]]
    [82.0, 70.0]
    """
    record = benchmark(name)
    module = importlib.import_module(f"cortexsim.neural.benchmarks.{record.module}")
    dataset = module.build(contents(record, progress=progress))
    return dataset.assign_attrs(attributes(record))


def attributes(record: Benchmark) -> dict[str, str]:
    """What every benchmark says of itself; only text, so that netCDF and Zarr can hold it."""
    known = {
        "name": record.name,
        "title": record.title,
        "citation": record.citation,
        "licence": record.licence,
        "source": record.source,
        "notes": record.notes,
        "provenance": json.dumps(
            {**provenance("xarray"), "content_sha256": {f.path: f.content for f in record.files}}
        ),
    }
    return {**known, "doi": record.doi} if record.doi else known


def info(name: str) -> str:
    """What a benchmark is, its terms, and where its files are or come from.

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
    lines += [f"  licence  {record.licence}", f"  source   {record.source}"]
    lines += [f"  notes    {record.notes}"] if record.notes else []
    for file in record.files:
        lines.append(f"  file     {file.path}, {file.size:,} bytes: {file.what}; {file.how}")
        found = locate(file)
        lines.append(
            f"           {found}" if found else f"           not here; from {_origin(record, file)}"
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
    """In a few words, whether ``load`` will find the files."""
    absent = [file for file in record.files if locate(file) is None]
    if not absent:
        return "here"
    if any(file.how == "by hand only" for file in absent):
        return "absent, by hand only"
    return f"absent, {sum(file.size for file in absent) / 1e6:.1f} MB"


# --- pieces of a data set ---------------------------------------------------------------------------------------------


def words(values: Any) -> np.ndarray:
    """Text as an object array of str, as xarray and netCDF keep it."""
    return np.array([str(v) for v in values], dtype=object)


def stimulus_coords(ids: Any, labels: Any = None) -> dict[str, Any]:
    """``stimulus_id`` and ``label``, '' where there is none."""
    names = words(ids)
    return {
        "stimulus_id": ("stimulus", names),
        "label": (
            "stimulus",
            np.full(len(names), "", dtype=object) if labels is None else words(labels),
        ),
    }


def rdm(
    square: Any, dims: tuple[str, ...], *, area: str, species: str, measure: str
) -> tuple[Any, ...]:
    """A variable of condensed RDMs from square ones ``(*dims, n, n)``."""
    return condensed_rdm(
        condensed(np.asarray(square)), dims, area=area, species=species, measure=measure
    )


def condensed_rdm(
    pairs: Any, dims: tuple[str, ...], *, area: str, species: str, measure: str
) -> tuple[Any, ...]:
    """A variable of RDMs ``(*dims, pair)``."""
    attrs = {
        "kind": "rdm",
        "area": area,
        "species": species,
        "measure": measure,
        "units": "dissimilarity",
    }
    return (*dims, "pair"), np.asarray(pairs, dtype=np.float64), attrs


def image(pixels: Any, stimulus: str = "stimulus") -> tuple[Any, ...]:
    """A variable of pixels ``(stimulus, y, x, channel)`` uint8."""
    attrs = {"kind": "image", "area": "none", "species": "none", "units": "grey levels 0-255"}
    return (stimulus, "y", "x", "channel"), np.asarray(pixels, dtype=np.uint8), attrs


def measured(dims: Any, values: Any, kind: str, units: str, *, species: str, area: str = "behaviour", **more: str) -> tuple[Any, ...]:  # fmt: skip
    """A variable of anything else, with its kind and units."""
    return dims, values, {"kind": kind, "area": area, "species": species, "units": units, **more}
