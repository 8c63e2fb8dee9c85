"""What imports what, the front door, and that documents agree with the code."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import cortexsim
from cortexsim.models import models

ROOT = Path(__file__).resolve().parent.parent


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        (
            "cortexsim.models",
            ("xarray", "zarr", "sklearn", "matplotlib", "PIL", "jaxtyping", "torchvision"),
        ),
        ("cortexsim.timeaxis", ("xarray", "zarr", "sklearn", "matplotlib", "torch", "jaxtyping")),
        ("cortexsim.training.trainer", ("xarray", "zarr", "sklearn", "matplotlib", "jaxtyping")),
    ],
)
def test_rooms_import_where_the_packages_of_other_rooms_are_absent(module, absent):
    code = (
        "import sys, importlib.abc\n"
        "class Absent(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {absent!r}: raise ImportError(name + ' is not here')\n"
        "sys.meta_path.insert(0, Absent())\n"
        f"import {module}"
    )
    done = _python(code)
    assert done.returncode == 0, done.stderr


def test_public_names_exist_and_models_is_a_list_as_well_as_a_package():
    for name in cortexsim.__all__:
        assert getattr(cortexsim, name) is not None
    assert cortexsim.models() == models()
    with pytest.raises(AttributeError, match="no attribute 'modles'"):
        cortexsim.modles  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [(["models"], 0, "rnn3-full"), ([], 0, "usage"), (["nonsense"], 2, "usage")],
)
def test_console_script(arguments, code, text):
    done = subprocess.run(
        [sys.executable, "-m", "cortexsim", *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code
    assert text in done.stdout


def test_the_readmes_table_of_networks_is_that_of_the_code():
    rows = re.findall(
        r"^\| `([\w-]+)` \|.*\| (\d+) \| ([\d,]+) \|$",
        (ROOT / "README.md").read_text(),
        re.MULTILINE,
    )
    assert [name for name, *_ in rows] == list(models())
    for name, readout, parameters in rows:
        net = cortexsim.build(name)
        assert (net.readout, sum(p.numel() for p in net.parameters())) == (
            int(readout),
            int(parameters.replace(",", "")),
        )


def test_contributing_example_runs():
    code = re.search(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    assert code is not None
    names: dict[str, object] = {}
    exec(code[1], names)
    assert names["net"].readout == 8  # type: ignore[attr-defined]


def test_packages_of_the_wheel_are_those_of_the_checkout():
    import tomllib

    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    found = {
        ".".join(f.parent.relative_to(ROOT).parts)
        for f in (ROOT / "cortexsim").rglob("__init__.py")
    }
    assert listed == found | {"cortexsim.weights"}


def _example(holds: str) -> str:
    """The one Python block of the README that holds a text."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (code,) = (block for block in blocks if holds in block)
    return code


def test_the_readmes_example_of_a_strangers_network_runs():
    import torch

    names: dict[str, object] = {"cortexsim": cortexsim}
    exec(_example("cortexsim.wrap("), names)
    assert {t: list(s) for t, s in names["net"].unroll(torch.rand(1, 3, 64, 64), 2)} == {
        1: ["V1"],
        2: ["V1", "V2"],
    }  # type: ignore[attr-defined]


def test_the_readmes_example_of_latencies_runs(tmp_path, monkeypatch):
    import numpy as np

    from cortexsim.experiments.record import RecordConfig, record

    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    y = np.arange(60) % 10
    x = np.clip(rng.normal(50 + 15 * y[:, None, None, None], 25, (60, 32, 32, 3)), 0, 255).astype(
        np.uint8
    )
    np.savez("set.npz", x=x, y=y)
    path = record(RecordConfig(stimuli="set.npz", keep="mean", figure=False, out="r.zarr"))
    names: dict[str, object] = {"recording": cortexsim.open_recording(path), "labels": y}
    exec(_example("solution_times("), names)


def test_the_readmes_example_of_brains_runs(tmp_path, monkeypatch, data_folder):
    import numpy as np
    from scipy.io import savemat

    monkeypatch.chdir(tmp_path)
    rdms = np.random.default_rng(0).random((3, 15))
    savemat("mine.mat", {"rdm": rdms})
    names: dict[str, object] = {"ids": list("abcdef")}
    exec(_example("from_rdms("), names)
    assert names["it"].dims == ("subject", "pair")  # type: ignore[attr-defined]
    np.testing.assert_array_equal(names["mine"].rdm.values, rdms)  # type: ignore[attr-defined]
    assert names["rates"].rates.attrs["units"] == "spikes/s"  # type: ignore[attr-defined]


def test_the_readmes_example_of_time_runs():
    import numpy as np
    import xarray

    rng = np.random.default_rng(0)
    movie = xarray.Dataset(
        {"rdm": (("state", "step", "pair"), rng.random((1, 4, 190)))},
        {"state": ["IT"], "step": [1, 2, 3, 4]},
    )
    brain = xarray.DataArray(
        rng.random((20, 190)), {"time_ms": np.arange(20) * 10.0}, ("time_ms", "pair")
    )
    names: dict[str, object] = {"movie": movie, "brain_movie": brain}
    exec(_example("fit_time_axis("), names)
    assert names["fit"].attrs["fit_in_declared"] == "undecided"  # type: ignore[attr-defined]


def test_the_readmes_rsa_example_runs(tmp_path, monkeypatch):
    import numpy as np

    from cortexsim.experiments.record import RecordConfig, record

    monkeypatch.chdir(tmp_path)
    record(RecordConfig(limit=12, figure=False))
    code = _example("rdm_movie(")
    names: dict[str, object] = {"responses": np.random.default_rng(0).normal(size=(5, 12, 30))}
    exec(code, names)
    result = names["result"]
    assert result.evaluation.dims == ("model", "step")  # type: ignore[attr-defined]
    assert result.evaluation.sel(model="IT", step=3).isnull()  # type: ignore[attr-defined]
    assert result.attrs["n"] == 1000  # type: ignore[attr-defined]
