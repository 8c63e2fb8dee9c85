"""Image sets as tables: the order, ids and labels of a recording are those of the table."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from cortexsim.arguments import clear_errors
from cortexsim.errors import StimulusError
from cortexsim.models.pictures import READ_ERRORS as READ_ERRORS
from cortexsim.models.pictures import read_image as read_image
from cortexsim.models.preprocessing import Preprocessing as Preprocessing
from cortexsim.stimuli.arrays import npz_arrays
from cortexsim.stimuli.datasets import IMAGE_SUFFIXES, is_own_figure, load_images


@clear_errors
@dataclass(frozen=True)
class Stimuli:
    """A table of images.

    Parameters
    ----------
    name : str
        Of the table.
    ids : tuple of str
        Of each image, all different.
    labels : tuple of str
        The class of each image, in the order of ``ids``.
    source : sequence of Path, or uint8 array of shape (stimulus, y, x, 3)
        Files, or pixels (0 to 255), in the order of ``ids``.
    skipped : tuple of str
        Ids of images that could not be read and were dropped on request.
    sha256 : str
        Of ids, labels and pixels, if :func:`check` has read them.
    notes : tuple of str
        What was left out of the table, and why.

    Raises
    ------
    StimulusError
        For ids, labels and images that are not one of each.

    Examples
    --------
    >>> pixels = np.zeros((2, 8, 8, 3), np.uint8)
    >>> len(Stimuli("black", ("a", "b"), ("night", "night"), pixels))
    2
    """

    name: str
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    source: Sequence[Path] | np.ndarray = field(repr=False)
    skipped: tuple[str, ...] = ()
    sha256: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not hasattr(self.source, "__len__"):
            raise StimulusError(
                f"{self.name}: source is of type {type(self.source).__name__}; give a list of "
                "paths, or the pixels as an array (n, y, x, 3)"
            )
        if not self.ids:
            raise StimulusError(f"{self.name} holds no images")
        if not len(self.ids) == len(self.labels) == len(self.source):
            raise StimulusError(
                f"{self.name}: {len(self.ids)} ids, {len(self.labels)} labels and "
                f"{len(self.source)} images; there must be one of each"
            )
        twice = sorted(i for i, times in Counter(self.ids).items() if times > 1)
        if twice:
            raise StimulusError(
                f"{self.name}: ids must be unique; {len(twice)} occur more than once, e.g. "
                f"{', '.join(twice[:5])}"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, index: int) -> np.ndarray:
        """The pixels of one image.

        Parameters
        ----------
        index : int
            Its place.

        Returns
        -------
        array of uint8, shape (y, x, 3)
            The pixels.
        """
        source = self.source[index]
        return read_image(source) if isinstance(source, Path) else np.asarray(source)

    def select(self, keep: Iterable[int], skipped: tuple[str, ...] = ()) -> Stimuli:
        """The table of some of the images.

        Parameters
        ----------
        keep : iterable of int
            Their places, in the order wanted.
        skipped : tuple of str
            Ids that are noted as dropped.

        Returns
        -------
        Stimuli
            The table.
        """
        keep = list(keep)
        source = (
            self.source[keep]
            if isinstance(self.source, np.ndarray)
            else [self.source[i] for i in keep]
        )
        return Stimuli(
            self.name,
            tuple(self.ids[i] for i in keep),
            tuple(self.labels[i] for i in keep),
            source,
            skipped,
            notes=self.notes,
        )


@clear_errors
def load_stimuli(source: str, *, limit: int | None = None) -> Stimuli:
    """A table of images to record.

    A folder is searched through, ids are paths within it, the label is the name of the folder an
    image is in; figures that this package drew are left out (``notes`` says so). A table has a
    column ``path`` (relative to the table) and may have ``label`` and ``id``.

    Parameters
    ----------
    source : str
        ``sample`` (bundled with scikit-learn), ``cifar10`` (the 10,000 test images), a folder, a
        CSV table or an ``.npz`` of ``x`` (and ``y``).
    limit : int, optional
        Only the first so many.

    Returns
    -------
    Stimuli
        The table.

    Raises
    ------
    StimulusError
        For sources that are none of these, or hold no images.
    """
    path = Path(source)
    suffix = path.suffix.lower()
    if source == "sample":
        stimuli = sample()
    elif source == "cifar10":
        images = load_images("cifar10")
        ids = [f"test-{i:05d}" for i in range(len(images.test_x))]
        labels = [images.classes[k] for k in images.test_y.tolist()]
        stimuli = Stimuli(
            "cifar10", tuple(ids), tuple(labels), images.test_x.permute(0, 2, 3, 1).numpy()
        )
    elif path.is_dir():
        stimuli = _from_folder(path)
    elif suffix == ".csv" and path.is_file():
        stimuli = _from_table(path)
    elif suffix == ".npz" and path.is_file():
        stimuli = _from_npz(path)
    else:
        raise StimulusError(
            f"no stimuli at {source!r}: give sample, cifar10, an existing folder of images, a "
            ".csv with a column 'path', or an .npz with 'x' (the images of a benchmark: "
            "record_network takes cortexsim.neural.load(name))"
        )
    if limit is not None and not 1 <= limit < float("inf"):
        raise StimulusError(f"a limit of {limit} images leaves nothing to show; give at least 1")
    return stimuli if limit is None else stimuli.select(range(min(limit, len(stimuli))))


@clear_errors
def sample() -> Stimuli:
    """48 crops of the two photographs that scikit-learn ships, at three sizes.

    Natural images without a download.

    Returns
    -------
    Stimuli
        The table.
    """
    from sklearn.datasets import load_sample_images

    photos = load_sample_images()
    ids, labels, crops = [], [], []
    for name, photo in zip(photos.filenames, photos.images, strict=True):
        name = Path(name).stem
        for rows in (2, 3):
            side = photo.shape[0] // rows
            columns = photo.shape[1] // side
            for r in range(rows):
                for c in range(columns):
                    crop = photo[r * side : (r + 1) * side, c * side : (c + 1) * side]
                    ids.append(f"{name}-{rows}-{r}{c}")
                    labels.append(name)
                    crops.append(
                        np.asarray(
                            Image.fromarray(crop).resize((64, 64), Image.Resampling.BILINEAR)
                        )
                    )
        side = photo.shape[0]
        for c in range(6):
            left = round(c * (photo.shape[1] - side) / 5)
            ids.append(f"{name}-1-0{c}")
            labels.append(name)
            crops.append(
                np.asarray(
                    Image.fromarray(photo[:, left : left + side]).resize(
                        (64, 64), Image.Resampling.BILINEAR
                    )
                )
            )
    return Stimuli("sample", tuple(ids), tuple(labels), np.stack(crops))


def _from_folder(root: Path) -> Stimuli:
    """Every image below ``root``: links are followed (a broken one counts as unreadable), hidden
    files and folders are not stimuli.
    """
    if root.resolve() == root.resolve().parent:
        raise StimulusError(
            f"{root} is the root of the file system; give the folder that the images are in"
        )
    files: list[Path] = []
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        subfolders[:] = [d for d in subfolders if not d.startswith(".") and real not in seen]
        seen.add(real)
        files += [
            Path(folder) / n
            for n in names
            if not n.startswith(".") and Path(n).suffix.lower() in IMAGE_SUFFIXES
        ]
    files.sort()
    figures = [f.relative_to(root).as_posix() for f in files if is_own_figure(f)]
    notes = (
        (f"left out, being figures that cortexsim drew: {', '.join(figures)}",) if figures else ()
    )
    files = [f for f in files if f.relative_to(root).as_posix() not in set(figures)]
    if not files:
        raise StimulusError(
            f"{root} holds no images ({', '.join(IMAGE_SUFFIXES)})"
            + "".join(f"; {n}" for n in notes)
        )
    labels = tuple(f.parent.name if f.parent != root else "" for f in files)
    return Stimuli(
        root.resolve().name,
        tuple(f.relative_to(root).as_posix() for f in files),
        labels,
        files,
        notes=notes,
    )


def _from_table(table: Path) -> Stimuli:
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True)
            header = [c.strip().lower() for c in next(reader, [])]
            rows = [(reader.line_num, [c.strip() for c in row]) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise StimulusError(
            f"{table} cannot be read as a table ({error}); save it as CSV, separated by commas, "
            "in UTF-8"
        ) from error
    if "path" not in header or len(set(header)) != len(header):
        hint = (
            "; separate the columns with commas"
            if any(mark in "".join(header) for mark in ";\t")
            else ""
        )
        raise StimulusError(
            f"{table} needs one column 'path' (and may have 'label', 'id'); found "
            f"{', '.join(header) or 'nothing'}{hint}"
        )
    if odd := [str(n) for n, row in rows if len(row) != len(header)]:
        raise StimulusError(
            f"{table}: line {', '.join(odd[:10])} has not {len(header)} cells as the header has; "
            "put text with commas in double quotes"
        )
    records = [dict(zip(header, row, strict=True)) for _, row in rows]
    if empty := [str(n) for (n, _), r in zip(rows, records, strict=True) if not r["path"]]:
        raise StimulusError(f"{table}: the path is empty in line {', '.join(empty[:10])}")
    ids = tuple(r.get("id") or r["path"] for r in records)
    return Stimuli(
        table.stem,
        ids,
        tuple(r.get("label", "") for r in records),
        [table.parent / r["path"] for r in records],
    )


def _from_npz(path: Path) -> Stimuli:
    arrays = npz_arrays(path)
    x = arrays.get("x")
    if x is None or x.dtype != np.uint8 or x.ndim != 4 or x.shape[3] != 3:
        found = {k: f"{v.dtype} {v.shape}" for k, v in arrays.items()}
        raise StimulusError(
            f"{path} needs an array 'x' of uint8 (n, y, x, 3), and may have labels 'y' and 'id'; "
            f"found {found}"
        )
    ids = arrays["id"] if "id" in arrays else [f"{path.stem}-{i:05d}" for i in range(len(x))]
    labels = arrays["y"] if "y" in arrays else [""] * len(x)
    return Stimuli(path.stem, tuple(map(str, ids)), tuple(map(str, labels)), x)


def check(
    stimuli: Stimuli,
    *,
    skip_unreadable: bool = False,
    progress: Callable[[int], object] = lambda n: None,
) -> tuple[Stimuli, str]:
    """Read every image once.

    Parameters
    ----------
    stimuli : Stimuli
        The table.
    skip_unreadable : bool
        Drop what cannot be read, and name it in ``skipped``.
    progress : callable
        Called with the number of images read.

    Returns
    -------
    readable : Stimuli
        The table.
    sha256 : str
        Of its ids, labels and pixels.

    Raises
    ------
    StimulusError
        It lists every unreadable image, unless ``skip_unreadable``.
    """
    digest = hashlib.sha256()
    bad: dict[int, str] = {}

    def examine(index: int) -> bytes | str:
        try:
            pixels = stimuli.read(index)
        except READ_ERRORS as error:
            return str(error) or type(error).__name__
        return hashlib.sha256(
            repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()
        ).digest()

    with ThreadPoolExecutor(4) as pool:
        for index, result in enumerate(pool.map(examine, range(len(stimuli)))):
            if isinstance(result, str):
                bad[index] = result
            else:
                digest.update(f"{stimuli.ids[index]}\0{stimuli.labels[index]}\0".encode() + result)
            progress(1)
    if not bad:
        return replace(stimuli, sha256=digest.hexdigest()), digest.hexdigest()
    if len(bad) == len(stimuli) or not skip_unreadable:
        lines = "\n".join(f"  {stimuli.ids[i]}: {why}" for i, why in bad.items())
        advice = (
            "" if len(bad) == len(stimuli) else "\nMend them, or drop them with --skip-unreadable"
        )
        raise StimulusError(
            f"{len(bad)} of {len(stimuli)} images of {stimuli.name} cannot be read:\n"
            f"{lines}{advice}"
        )
    keep = [i for i in range(len(stimuli)) if i not in bad]
    readable = stimuli.select(keep, tuple(stimuli.ids[i] for i in bad))
    return replace(readable, sha256=digest.hexdigest()), digest.hexdigest()
