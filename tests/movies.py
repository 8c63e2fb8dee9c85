"""What the tests of RDM movies share: their settings, oracles, and what is left in a folder."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import zarr
from scipy.spatial.distance import pdist

from cortexsim.analysis import rdms
from cortexsim.cli import run
from cortexsim.record import RecordConfig

N, DIFFERENT, STEPS = 150, 110, 5


MEASURES = ("correlation", "cosine", "sqeuclidean")


FIRST = {"V1": 1, "V2": 2, "V4": 3, "IT": 4}  # the step at which a state is populated


FRAMES = [(s, t) for s in FIRST for t in range(FIRST[s], STEPS + 1)]


TIMES = ("time_ms", "time_ms_low", "time_ms_high")


def config(photographs, out, **options):
    options = {"steps": STEPS, "batch_size": 13, "figure": False, "device": "cpu", **options}
    return RecordConfig(stimuli=str(photographs), out=str(out), **options)


def edit(path, state, step, where, values):
    zarr.open_group(path, mode="r+")[f"{state}/activation"][where, step - 1] = values


def patterns(tree, state, step):
    """What is stored of a state at a step, in float64: ``(stimulus, feature)``."""
    values = tree[state].activation.sel(step=step).values
    return values.reshape(len(values), -1).astype(np.float64)


def by_scipy(x, measure):
    return pdist(x, measure) / (x.shape[1] if measure == "sqeuclidean" else 1)


def by_rsatoolbox(x, measure):
    """rsatoolbox has no cosine; its warnings are its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rsatoolbox.data import Dataset
        from rsatoolbox.rdm import calc_rdm

        method = {"correlation": "correlation", "sqeuclidean": "euclidean"}[measure]
        return calc_rdm(Dataset(x), method=method).dissimilarities[0]


def close(found, expected, measure, within=2e-6):
    """Equal to the rounding of sums of products in float32; distances relative to the largest."""
    scale = np.nanmax(expected) if measure == "sqeuclidean" else 1.0
    np.testing.assert_allclose(found, expected, rtol=0, atol=within * scale)


def right(movie, tree, measure, oracle=rdms):
    """Every frame is the oracle's, and NaN where not populated and nowhere else."""
    for state in movie.state.values:
        for step in movie.step.values:
            found = movie.rdm.sel(state=state, step=step).values
            if bool(tree[str(state)].populated.sel(step=step)):
                close(found, oracle(patterns(tree, str(state), step), measure), measure)
            else:
                assert np.isnan(found).all()


def told(movie):
    """The attributes, without when and where they were written."""
    return {k: v for k, v in movie.attrs.items() if k != "provenance"}


def listing(folder):
    """Every file below a folder, hidden ones too, and its content."""
    return {
        str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()
    }


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def command(main, capsys, *arguments):
    """A command line in this process: exit status, output, errors.

    A traceback would come out of here as it is.
    """
    with pytest.raises(SystemExit) as end:
        run(lambda: main([str(a) for a in arguments]))
    out, err = capsys.readouterr()
    return end.value.code, out, err


def new_process(*arguments, cwd):
    """What a user types after ``python -m``."""
    done = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(done, cwd=cwd, capture_output=True, text=True, timeout=600)
