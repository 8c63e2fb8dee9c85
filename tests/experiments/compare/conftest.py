"""Small recordings, made once, and the command in this process."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray

from cortexsim import cli
from cortexsim.analysis import rdm_movie
from cortexsim.compare import main
from cortexsim.record import RecordConfig, record


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """Records with the given settings, each at most once; returns the path."""
    folder = tmp_path_factory.mktemp("recordings")
    made: dict[str, Path] = {}

    def make(**settings):
        settings = {"keep": "mean", "steps": 6, "figure": False, **settings}
        key = repr(sorted(settings.items()))
        if key not in made:
            made[key] = record(RecordConfig(out=str(folder / f"{len(made)}.zarr"), **settings))
        return made[key]

    return make


@pytest.fixture(scope="session")
def small(recorded):
    """24 of the bundled images, 6 steps."""
    return recorded(limit=24)


@pytest.fixture(scope="session")
def movie(small):
    """Its RDMs."""
    return rdm_movie(small, progress=False).load()


@pytest.fixture(scope="session")
def faces(recorded, data_folder):
    """The 92 images of the benchmarks, 6 steps."""
    return recorded(stimuli="kriegeskorte92")


@pytest.fixture
def compared(tmp_path):
    """Runs the command with few resamples and returns its result, as it is on the disk."""

    def go(recording, neural, *arguments, n=20, permutations=20, nulls=(), figure=False):
        out = tmp_path / f"result{len(list(tmp_path.iterdir()))}.nc"
        given = [str(recording), "--neural", str(neural), "--out", str(out), *map(str, arguments)]
        given += ["--n", str(n), "--permutations", str(permutations), "--nulls", *nulls]
        assert main([*given, *([] if figure else ["--no-figure"])]) == 0
        return xarray.load_dataset(out)

    return go


@pytest.fixture
def refused(capsys, monkeypatch, tmp_path):
    """Runs the command, which must fail with one line, of which this is the text.

    In a folder of its own: the default output is locked by whoever else runs it in this one.
    """
    monkeypatch.chdir(tmp_path)

    def go(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.run(lambda: main([*map(str, arguments)]))
        err = capsys.readouterr().err
        assert stopped.value.code == 1
        assert "Traceback" not in err
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert err.splitlines()[-1] == errors[0]
        return errors[0]

    return go


def noisy(rdm, subjects=6, noise=0.3, seed=0):
    """RDMs of subjects ``(subject, ..., pair)``: one truth and noise."""
    rdm = np.asarray(rdm, dtype=np.float64)
    return np.clip(
        rdm + np.random.default_rng(seed).normal(0, noise * rdm.std(), (subjects, *rdm.shape)) + 1,
        0,
        None,
    )


@pytest.fixture
def own(tmp_path, movie):
    """Saves RDMs of the small recording's images as .npz."""

    def save(values, ids=None, **more):
        path = tmp_path / f"own{len(list(tmp_path.iterdir()))}.npz"
        np.savez(
            path,
            rdm=values,
            stimulus_id=movie.stimulus_id.values.astype(str)
            if ids is None
            else np.array([str(i) for i in ids]),
            **more,
        )
        return path

    return save


@pytest.fixture
def it_like(own, movie):
    """Six noisy subjects who see as IT does at step 5."""
    return own(noisy(movie.rdm.sel(state="IT", step=5)))


@pytest.fixture
def copy_of(tmp_path):
    """A copy of a store, to be damaged."""
    return lambda path: Path(shutil.copytree(path, tmp_path / "copy.zarr"))
