"""What the analyses share.

The 92 images with their brain RDMs, the command line, and the files each writes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim import neural
from cortexsim.analysis.words import whose
from cortexsim.checksums import json_digest, with_digest
from cortexsim.cli import option
from cortexsim.errors import AnalysisError
from cortexsim.files import atomic_write
from cortexsim.locks import holding
from cortexsim.neural.align import select_stimuli
from cortexsim.plotting.parts import legend_below

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

CATEGORIES = {
    "human bodypart": "human body",
    "human face": "human face",
    "nonhuman bodypart": "animal body",
    "nonhuman face": "animal face",
    "natural inanimate": "natural object",
    "artificial inanimate": "artificial object",
}

WIDTH = 8.0  # inches of a figure: its letters can be read on a page of 800 pixels
SURFACE = 300  # pixels of one colour, between two of their like, that are seen as a surface
RESAMPLES_OF = " resamples of "  # in the label of an interval
UNSEEN = 2  # of 255: a difference of colour that nobody sees
WHERE = (
    "out",
    "runs",
    "threads",
    "reuse",
)  # options that say where things are kept and worked on, not what comes out


@dataclass(frozen=True)
class Config:
    """The command line of an analysis."""

    out: str = option("figures", "folder for the figures and their numbers")


@dataclass(frozen=True)
class Images92:
    """The 92 images and what was measured on them.

    RDMs are vectors of 4,186 pairs in squareform order.

    stimuli ``(92, 175, 175, 3)`` uint8. groups: one of six categories for each image. animate
    ``(92,)`` bool. monkey_it ``(1, pair)``: one RDM, whose attributes say what it is; human_it
    ``(4, pair)``: mean of two sessions. human_it_15 ``(15, pair)``,
    another laboratory's. alexnet ``(63, pair)`` with names; models ``(8, pair)`` with names.
    """

    stimuli: np.ndarray
    groups: list[str]
    animate: np.ndarray
    monkey_it: xarray.DataArray
    human_it: np.ndarray
    human_it_15: np.ndarray
    alexnet: np.ndarray
    alexnet_names: list[str]
    models: np.ndarray
    model_names: list[str]
    sources: list[dict[str, str]]


def images92() -> Images92:
    """The 92 images and the RDMs of brains for them, from the benchmarks kriegeskorte92 and
    cichy92-fmri (downloaded where they are absent).
    """
    first, fifteen = neural.load("kriegeskorte92"), neural.load("cichy92-fmri")
    names = [str(name) for name in first.model.values]
    own = [
        k for k, name in enumerate(names) if not name.startswith("HMAX natural")
    ]  # the eight of the toolbox's demo
    return Images92(
        stimuli=first.image.values,
        groups=[CATEGORIES[str(name)] for name in first.label.values],
        animate=first.animate.values,
        monkey_it=first.monkey_IT.drop_vars(first.monkey_IT.coords).expand_dims("subject"),
        human_it=first.human_IT.mean("session").values,
        human_it_15=select_stimuli(fifteen, first.stimulus_id.values).IT.values,
        alexnet=first.alexnet.values,
        alexnet_names=[str(name) for name in first.layer_model.values],
        models=first.models.values[own],
        model_names=[names[k] for k in own],
        sources=[source(first), source(fifteen)],
    )


def source(brain: Any) -> dict[str, str]:
    """Where a benchmark came from, for the numbers of a figure."""
    return {k: str(brain.attrs[k]) for k in ("name", "title", "source", "citation", "licence")}


class Report:
    """The files of one analysis: figures as .png and .pdf, numbers as .json.

    Each is replaced whole or not at all.
    """

    def __init__(self, name: str, config: Config, claim: str) -> None:
        self.name, self.config, self.claim = name, config, claim
        self.folder, self.begun, self.figures = Path(config.out), time.monotonic(), []
        # Until the numbers are written, or this process ends.
        self._hold = contextlib.ExitStack()
        self._hold.enter_context(holding(self.folder / f"{name}.json"))
        weakref.finalize(self, self._hold.close)
        self.folder.mkdir(parents=True, exist_ok=True)

    def figure(self, figure: Figure, part: str = "") -> None:
        """Write figures/NAME_part.png and .pdf."""
        from cortexsim.plotting import save

        stem = f"{self.name}_{part}" if part else self.name
        for suffix in (".png", ".pdf"):
            save(figure, self.folder / (stem + suffix))
            if suffix == ".png":
                fewer_colours(self.folder / (stem + suffix))
            self.figures.append(stem + suffix)

    def numbers(self, sources: list[dict[str, str]], results: dict[str, Any]) -> Path:
        """Write figures/NAME.json.

        Results with the claim, the command, data and their citations, versions and hardware.
        """
        import torch

        from cortexsim.provenance import hardware, provenance

        content = {
            "claim": self.claim,
            "command": command(self.name, self.config),
            "figures": self.figures,
            "data": sources,
            "results": results,
            "seconds": round(time.monotonic() - self.begun, 1),
            "hardware": hardware(torch.device("cpu")),
            "provenance": provenance("scipy", "scikit-learn", "xarray", "matplotlib", "numba"),
        }
        path = self.folder / f"{self.name}.json"
        _write(path, content)
        self._hold.close()
        print(f"wrote {path}, {', '.join(self.figures)}")
        return path


def retell(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Give a figure's JSON results that ``change`` makes of its own, and say their sentences.

    Command, commit and machine stay those that measured; which commit retold is said beside them.
    """
    from cortexsim.provenance import git_commit

    with holding(path):
        content = as_written(path)
        results = change(content["results"])
        _write(path, {**content, "results": results, "retold_by": git_commit()})
    print(*results["sentences"], sep="\n")


def as_written(path: Path) -> dict[str, Any]:
    """A figure's JSON; refused if it has changed since it was written."""
    content: dict[str, Any] = json.loads(path.read_text())
    if content.get("sha256") != json_digest(content, "sha256"):
        raise AnalysisError(
            f"{path} is not as it was written (its sha256 is another): its numbers are not "
            "used. Restore it, or run the analysis"
        )
    return content


def _write(path: Path, content: dict[str, Any]) -> None:
    document = with_digest(plain(content), "sha256")
    atomic_write(path, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())


def fewer_colours(path: Path) -> None:
    """Give a drawing 256 colours of its own, a third of the bytes, if no surface changes by it.

    Of the edges of letters and lines, which are a few pixels of each of many colours, the eye does
    not see what changes. Where a surface would change, all colours stay, without transparency.
    """
    from PIL import Image

    with Image.open(path) as opened:
        drawn = opened.convert("RGB")
    before = np.asarray(drawn)
    colours, of_pixel = np.unique(before.reshape(-1, 3), axis=0, return_inverse=True)
    of_pixel = of_pixel.reshape(before.shape[:2])
    surfaces = np.bincount(of_pixel[_in_a_row(of_pixel)], minlength=len(colours)) >= SURFACE
    cut = drawn.quantize(256, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
    kept = drawn
    for small in (cut, _surfaces_first(colours, of_pixel, surfaces)):
        change = np.abs(np.asarray(small.convert("RGB")).astype(int) - before)
        if change[surfaces[of_pixel]].max(initial=0) <= UNSEEN:
            kept = small
            break
    kept.save(buffer := io.BytesIO(), "PNG", optimize=True)
    atomic_write(path, buffer.getvalue())


def _in_a_row(of_pixel: np.ndarray) -> np.ndarray:
    """Which pixels lie between two of their own colour, as those of edges seldom do."""
    row = np.zeros(of_pixel.shape, bool)
    for here, lines in ((row, of_pixel), (row.T, of_pixel.T)):
        here[1:-1] |= (lines[1:-1] == lines[:-2]) & (lines[1:-1] == lines[2:])
    return row


def _surfaces_first(colours: np.ndarray, of_pixel: np.ndarray, surfaces: np.ndarray) -> Any:
    """Surfaces in their own colours, at most 208, and all else in what is left of 256."""
    from PIL import Image
    from scipy.spatial import cKDTree

    palette = colours[surfaces][:208]
    if len(others := of_pixel[~surfaces[of_pixel]]):
        edges = Image.fromarray(colours[others][None])
        few = edges.quantize(256 - len(palette), kmeans=1, dither=Image.Dither.NONE)
        palette = np.concatenate([palette, np.reshape(few.getpalette() or [], (-1, 3))])
    palette = palette.astype(np.uint8)
    small = Image.fromarray(cKDTree(palette).query(colours)[1].astype(np.uint8)[of_pixel])
    small.putpalette(palette.tobytes())
    return small


def command(name: str, config: Config) -> str:
    """The command that gives these numbers again.

    The options that were not left alone, except where things are kept; files by their names.
    """
    words = []
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        if value == f.default or f.name in WHERE:
            continue
        flag = f.name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        words += [
            f"--{flag}",
            *(Path(v).name if isinstance(v, str) and Path(v).exists() else str(v) for v in values),
        ]
    return " ".join(
        ["CORTEXSIM_DATA=FOLDER", "python", f"analyses/{name}.py", *words, "--out figures"]
    )


def plain(value: Any) -> Any:
    """Numbers, lists and dictionaries for JSON.

    Arrays become lists, NaN becomes null, numbers keep five significant digits.
    """
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.5g}") if np.isfinite(value) else None
    return value if value is None else str(value)


FOUND = (
    "evaluation",
    "standard_error",
    *(f"p_{k}{c}" for k in ("zero", "ceiling", "permutation") for c in ("", "_corrected")),
)


def evaluated(result: Any) -> dict[str, Any]:
    """An evaluation as JSON.

    Its settings, the ceiling, and what was found for every model (at every step).
    """
    per_model = {}
    for name in result.model.values:
        one = result.sel(model=name)
        per_model[str(name)] = {v: one[v].values for v in FOUND if v in one}
        per_model[str(name)]["interval"] = one.interval.transpose("bound", ...).values
    ceiling = result.ceiling.transpose("bound", ...).values
    found: dict[str, Any] = {
        "settings": {k: v for k, v in result.attrs.items() if k != "provenance"}
    }
    found["ceiling"] = ceiling if np.isfinite(ceiling).all() else None
    if "step" in result.dims:
        found |= {
            c: result[c].values
            for c in ("step", "time_ms", "time_ms_low", "time_ms_high")
            if c in result.coords
        }
    return found | {"models": per_model}


def titled(result: Any) -> str:
    """Whose RDMs a panel is of, and over what its intervals are: for its title."""
    about = result.attrs
    over = "subjects and images" if "subject" in about["resample"] else "images only"
    return f"{whose(about)}, {about['conditions']} images; resampled: {over}"


def one_legend(figure: Any, panels: Any) -> None:
    """One legend below the figure for panels that say the same.

    Intervals over other things stand there once; over what, the titles of the panels say.
    """
    alike = list(panels)
    marks = [mark for axes in alike for mark in axes.get_legend_handles_labels()[0]]
    over = [mark for mark in marks if RESAMPLES_OF in mark.get_label()]
    if len({mark.get_label() for mark in over}) > 1:
        for mark in over:
            mark.set_label(
                f"{mark.get_label().split(RESAMPLES_OF)[0]} resamples (of what: see titles)"
            )
    legend_below(figure, alike, ncols=3)
    for axes in alike:
        axes.get_legend().remove()
