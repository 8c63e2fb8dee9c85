"""Whether outputs are what was written: every file of them is read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cortexsim.analysis.movie.store import FORMAT as MOVIE
from cortexsim.analysis.movie.store import movie_root, open_movie
from cortexsim.checksums import json_digest, seal_holds
from cortexsim.errors import AnalysisError, CortexsimError
from cortexsim.files import check_sealed, parsed_json
from cortexsim.interop.netcdf import from_netcdf
from cortexsim.models.weights import CARD_DIGEST, load_card, load_weights
from cortexsim.recording.checked import INTEGRITY, NODE, Root, in_words, read_root
from cortexsim.recording.opening import open_recording
from cortexsim.recording.repair import damaged_files
from cortexsim.recording.schema import FORMAT as RECORDING
from cortexsim.recording.schema import recording_root
from cortexsim.training.run import CHECKPOINT
from cortexsim.training.session import METRICS, check_metrics, read_checkpoint

NUMBERS_DIGEST = "sha256"
"""Under which the numbers of a figure say the digest of the rest."""


@dataclass(frozen=True)
class Verdict:
    """What was found of one output.

    Parameters
    ----------
    path : Path
        The output.
    kind : str
        What it is: ``recording``, ``RDM movie``, ``netCDF``, ...
    checked : bool
        Whether it carries checksums; without them damage may go unnoticed.
    files : int
        How many were read.
    damaged : tuple of str
        What is damaged, each in words.
    advice : str
        What to do if something is.
    """

    path: Path
    kind: str
    checked: bool = True
    files: int = 1
    damaged: tuple[str, ...] = ()
    advice: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damaged


def verified(path: str | Path) -> list[Verdict]:
    """Read an output, or all outputs in a folder, and compare them with their checksums.

    Parameters
    ----------
    path : path
        A recording, an RDM movie, a netCDF file, weights, a package for Brain-Score, the numbers
        of a figure, the checkpoint of a training run; or a folder, in which all of these are
        looked for.

    Returns
    -------
    list of Verdict
        One an output.

    Raises
    ------
    AnalysisError
        If there is nothing of ours.

    Examples
    --------
    >>> from cortexsim.models.weights import weights_folder
    >>> [(v.kind, v.is_sound) for v in verified(weights_folder() / "cortex4.safetensors")]
    [('weights', True)]
    """
    path = Path(path)
    if not path.exists():
        raise AnalysisError(f"there is nothing at {path}; give an output, or a folder of outputs")
    verdicts = [_verdict(kind, output) for kind, output in _outputs(path)]
    if not verdicts:
        raise AnalysisError(
            f"{path} is no output of cortexsim, and holds none: {', '.join(CHECKS)} can be verified"
        )
    return verdicts


def _outputs(path: Path) -> Iterator[tuple[str, Path]]:
    """Kind and path of each output at or in a path."""
    if path.is_dir():
        if (path / NODE).is_file() or _lost_its_root(path):
            yield ("store", path)
            return
        for child in sorted(path.iterdir()):
            card = child.suffix == ".json" and child.with_suffix(".safetensors").is_file()
            if not child.name.startswith(".") and not child.is_symlink() and not card:
                yield from _outputs(child)
    elif path.suffix == ".json" and path.with_suffix(".safetensors").is_file():
        yield ("weights", path.with_suffix(".safetensors"))
    elif path.suffix == ".json":
        if _is_numbers(path):
            yield ("numbers of a figure", path)
    elif path.name == CHECKPOINT:
        yield ("checkpoint of training", path)
    elif kind := SUFFIXES.get(path.suffix.lower()):
        yield (kind, path)


def _lost_its_root(path: Path) -> bool:
    """Whether a folder holds groups or arrays of a store, rather than stores."""
    nodes = [file.read_bytes() for file in path.glob(f"*/{NODE}")]
    words = (b"stimuli_committed", b"cortexsim rdm movie", f'"{INTEGRITY}"'.encode())
    return bool(nodes) and not any(word in node for node in nodes for word in words)


def _is_numbers(path: Path) -> bool:
    """Whether a JSON is that of a figure, as far as that can still be read."""
    try:
        start = path.read_bytes()
    except OSError:
        return False
    return b'"claim"' in start or b'"provenance"' in start or b'"hardware"' in start


def _verdict(kind: str, path: Path) -> Verdict:
    """What is found of an output; whatever goes wrong in reading it is damage."""
    try:
        return CHECKS[kind](path)
    except CortexsimError as error:
        return Verdict(path, kind, damaged=(str(error),))
    except Exception as error:  # of another library, about bytes that nobody vouches for
        why = " ".join(str(error).split())[:200]
        return Verdict(path, kind, damaged=(f"{path} cannot be read: {why}",))


def _store(path: Path) -> Verdict:
    """A recording or an RDM movie."""
    if not (path / NODE).is_file():
        raise AnalysisError(
            f"{path / NODE} is missing: {path} has lost its root. Put it back from a copy, or "
            f"remove {path} and make it anew"
        )
    root = read_root(path, "a recording or an RDM movie", error=AnalysisError)
    if root.attributes.get("format") == MOVIE:
        return _movie(path)
    if root.attributes.get("format") == RECORDING:
        return _recording(path)
    raise AnalysisError(
        f"{path} is a Zarr store, but neither a recording nor an RDM movie of this version: its "
        f"format is {root.attributes.get('format')!r}"
    )


def _recording(path: Path) -> Verdict:
    root = recording_root(path)
    if not root.is_checked:
        open_recording(path, partial=True)
        return Verdict(path, "recording", checked=False)
    advice = "record it once more with --resume: what is damaged is recorded anew"
    return _of_store(root, "recording", damaged_files(root), advice)


def _movie(path: Path) -> Verdict:
    root = movie_root(path)
    if not root.is_checked:
        open_movie(path)
        return Verdict(path, "RDM movie", checked=False)
    chunks = [f"{array}/{key}" for array, keys in root.chunks().items() for key in keys]
    return _of_store(
        root, "RDM movie", root.damaged([*root.files, *chunks]), "make it anew with --overwrite"
    )


def _of_store(root: Root, kind: str, damaged: list[str], advice: str) -> Verdict:
    """Of a store whose files were all read."""
    count = 1 + len(root.files) + sum(map(len, root.chunks().values()))
    words = (f"{in_words(damaged)} damaged or missing",) if damaged else ()
    return Verdict(root.path, kind, files=count, damaged=words, advice=advice)


def _netcdf(path: Path) -> Verdict:
    checked = check_sealed(path)
    from_netcdf(path)
    return Verdict(path, "netCDF", checked=checked)


def _weights(path: Path) -> Verdict:
    load_weights(path)
    card, lines = load_card(path), path.with_name(METRICS)
    if lines.is_file():  # weights may be copied without them
        check_metrics(card, lines)
    return Verdict(path, "weights", checked=CARD_DIGEST in card, files=2 + lines.is_file())


def _package(path: Path) -> Verdict:
    holds = seal_holds(path)
    with zipfile.ZipFile(path) as archive:
        bad, comment = archive.testzip(), archive.comment
    if holds is False or bad or (holds is None and comment):
        raise AnalysisError(
            f"{path} is damaged: {bad or 'the sha256 at its end is that of another file'}. Package "
            "the network once more"
        )
    return Verdict(path, "package", checked=bool(holds))


def _checkpoint(path: Path) -> Verdict:
    read_checkpoint(path)
    return Verdict(path, "checkpoint of training")


def _numbers(path: Path) -> Verdict:
    document = parsed_json(path.read_bytes(), f"{path} is damaged: it", error=AnalysisError)
    if NUMBERS_DIGEST not in document:
        json.dumps(document)
        return Verdict(path, "numbers of a figure", checked=False)
    if document[NUMBERS_DIGEST] != json_digest(document, NUMBERS_DIGEST):
        raise AnalysisError(
            f"{path} is damaged, or was changed after it was written: its {NUMBERS_DIGEST} is that "
            "of other numbers. Draw the figure once more"
        )
    return Verdict(path, "numbers of a figure")


SUFFIXES = {".nc": "netCDF", ".safetensors": "weights", ".zip": "package"}

CHECKS: dict[str, Callable[[Path], Verdict]] = {
    "store": _store,
    "netCDF": _netcdf,
    "weights": _weights,
    "package": _package,
    "checkpoint of training": _checkpoint,
    "numbers of a figure": _numbers,
}
"""How each kind of output is verified."""
