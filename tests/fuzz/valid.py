"""A sound call of every public function, by the names of its parameters.

A function without an entry is called all the same: with what its annotations say, see ``filled``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import things as t
import torch

import cortexsim
from cortexsim import analysis, neural
from cortexsim.analysis import CrossValidation, Inference, Regression
from cortexsim.models import Graph, Spec, State, Transition, adjacent
from cortexsim.stimuli import Event

ROOMS = (
    *("", "analysis", "models", "neural", "interop", "plotting", "recording", "stimuli"),
    "training",
)
APART = {
    "neural.fetch": "the network",
    "neural.load": "the network",
    "neural.BenchmarkError": "an exception",
    "models.Unrolls": "a protocol",
    "analysis.NoiseCeiling": "a result",
    "training.train": "takes what the command makes: see of_commands",
    "training.Run": "takes what the command makes: see of_commands",
    "train_network": "in minutes; its settings are fuzzed as training.Settings",
    "training.train_network": "the same",
}
"""Public names that are not called, with why."""


def _states() -> list[State]:
    return [State("V1", 8, 4), State("IT", 4, 4)]


def _two() -> dict[str, Any]:
    return {"x": t.features(), "y": t.responses()}


def _answers(**more: Any) -> dict[str, Any]:
    return {"probability": t.probability(), "labels": t.labels(), **more}


def _weibull() -> dict[str, Any]:
    return {
        "soa_ms": np.array([20.0, 40, 60, 80, 120]),
        "correct": np.array([12, 22, 30, 38, 44]),
        "trials": np.full(5, 50),
        "chance": 0.1,
    }


def _held() -> dict[str, Any]:
    return {"net": t.network(), "images": t.images()}


SHORT = CrossValidation(folds=3)
VALID: dict[str, Callable[[], dict[str, Any]]] = {
    "Graph": lambda: {"states": tuple(_states()), "transitions": (Transition("V1", "IT"),)},
    "Network": lambda: {"spec": Spec(adjacent(_states()), (3,))},
    "Spec": lambda: {"graph": adjacent(_states()), "readout": (3,)},
    "State": lambda: {"name": "V1", "size": 8, "features": 4},
    "Transition": lambda: {"source": "V1", "target": "IT"},
    "build": lambda: {"name": "rnn2"},
    "load": lambda: {"name_or_path": t.weights_path()},
    "calibrate": lambda: {"net": t.network(), "images": t.images(), "steps": 3},
    "open_recording": lambda: {"path": t.recording_path()},
    "record_network": lambda: {"net": t.network(), "images": t.pixels(2)},
    "wrap": lambda: {
        "module": torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 3)),
        "states": {"V1": "0"},
        "preprocessing": t.PREPROCESSING,
    },
    "analysis.censored_tau": lambda: {
        "first": t.stimuli(t.rng().random(t.N), "stimulus"),
        "second": t.stimuli(t.rng().random(t.N), "stimulus"),
        "inference": t.LESS,
    },
    "analysis.cka": _two,
    "analysis.procrustes": _two,
    "analysis.shape_distance": _two,
    "analysis.cluster_test": lambda: {
        "statistic": t.rng().normal(size=20),
        "null": t.rng().normal(size=(20, 20)),
        "threshold": 1.0,
    },
    "analysis.compare": lambda: {"model_rdms": t.rdm_array(), "data_rdms": t.rdm_array()},
    "analysis.compare_reaction_times": lambda: _answers(
        target=t.stimuli(t.rng().random(t.N), "stimulus"), inference=t.FEW
    ),
    "analysis.condensed": lambda: {"square": analysis.square(t.rdm_array().values)},
    "analysis.square": lambda: {"rdms": t.rdm_array()},
    "analysis.confusion_consistency": lambda: _answers(
        people=t.people(), splits=3, inference=t.LESS
    ),
    "analysis.cross_entropy": lambda: _answers(people=t.people(), inference=t.LESS),
    "analysis.image_consistency": lambda: _answers(people=t.people(), splits=3, inference=t.LESS),
    "analysis.decode": lambda: {
        "features": t.features(),
        "labels": t.labels(),
        "cv": SHORT,
        "inference": t.FEW,
    },
    "analysis.read_answers": lambda: {
        "features": t.features(),
        "labels": t.names(),
        "cv": SHORT,
        "estimator": "lda",
    },
    "analysis.discrimination_latency": lambda: {
        "features": t.stimuli(
            t.rng().normal(size=(t.N, 5, 4)),
            "stimulus",
            "unit",
            "time_ms",
            time_ms=[-10, 0, 10, 20],
        ),
        "labels": t.labels(),
        "cv": SHORT,
        "inference": t.FEW,
    },
    "analysis.selectivity_latency": lambda: {
        "features": t.stimuli(
            t.rng().normal(size=(t.N, 5, 4)),
            "stimulus",
            "unit",
            "time_ms",
            time_ms=[-10, 0, 10, 20],
        ),
        "labels": t.labels(),
        "inference": Inference(permutations=20),
    },
    "analysis.distances": lambda: {**_held(), "hold": 5, "iterations": 5},
    "analysis.step_map": lambda: {**_held(), "step": 3},
    "analysis.jacobian": lambda: {**_held(), "steps": [3], "krylov": 4},
    "analysis.relative_steps": lambda: {**_held(), "steps": 5},
    "analysis.fixed_point": lambda: {
        "f": lambda x: x / 2,
        "start": torch.ones(2, 3),
        "iterations": 5,
    },
    "analysis.effective_depth": lambda: {"relative_step": np.array([[1.0], [0.1], [0.001]])},
    "analysis.early_late": lambda: {
        "solution": analysis.solution_times(t.probability(), 0.8, t.labels()),
        "values": t.stimuli(t.rng().random(t.N), "stimulus"),
        "inference": t.LESS,
    },
    "analysis.encode": lambda: {
        "features": t.features(),
        "responses": t.responses(),
        "cv": SHORT,
        "regression": Regression(alphas=(0.1, 1.0)),
        "inference": t.LESS,
    },
    "analysis.encode_difference": lambda: {
        "a": t.encoded(0).copy(deep=True),
        "b": t.encoded(1).copy(deep=True),
        "inference": t.LESS,
    },
    "analysis.partition": lambda: {
        "a": t.features()[:, :2],
        "b": t.features()[:, 2:],
        "responses": t.responses(),
        "regression": Regression(alphas=(0.1, 1.0)),
        "cv": SHORT,
        "inference": Inference(n=20, permutations=0),
    },
    "analysis.split_half_reliability": lambda: {
        "trials": t.rng().normal(size=(4, 6, 5)) + t.rng().normal(size=(6, 5)),
        "splits": 3,
    },
    "analysis.error_consistency": lambda: {
        "first": t.right(),
        "second": t.right(1),
        "inference": t.FEW,
    },
    "analysis.evaluate": lambda: {
        "model_rdms": t.rdm_array(2, dims=("model",)),
        "data_rdms": t.rdm_array(5, dims=("subject",)),
        "inference": t.FEW,
    },
    "analysis.noise_ceiling": lambda: {"data_rdms": t.rdm_array(5, dims=("subject",))},
    "analysis.fit_time_axis": lambda: {
        "model_movie": t.rdm_array(4, dims=("step",), step=[1, 2, 3, 4]),
        "neural_movie": t.rdm_array(6, dims=("time_ms",), time_ms=np.arange(0, 120, 20.0)),
        "splits": 2,
        "inference": t.FEW,
    },
    "analysis.fit_weibull": _weibull,
    "analysis.goodness_of_fit": lambda: {**_weibull(), "n": 20},
    "analysis.threshold": lambda: {**_weibull(), "simulated": 20},
    "analysis.image_dprimes": lambda: {"choices": t.people(), "labels": t.names()},
    "analysis.image_rates": lambda: {"choices": t.people(), "labels": t.names()},
    "analysis.latencies": lambda: {"courses": t.courses()},
    "analysis.population_latency": lambda: {"courses": t.courses(), "inference": t.LESS},
    "analysis.latency_difference": lambda: {
        "first": t.courses(),
        "second": t.courses(),
        "inference": t.LESS,
    },
    "analysis.significance_onset": lambda: {
        "effects": t.effects(),
        "chance": 0.5,
        "inference": t.LESS,
    },
    "analysis.open_movie": lambda: {"path": t.movie_path()},
    "analysis.own_answers": lambda: {"recording": t.recording()},
    "analysis.rdm_movie": lambda: {"recording": t.recording(), "progress": False},
    "analysis.rdms": lambda: {"patterns": t.features()},
    "analysis.reaction_times": lambda: _answers(threshold=0.3),
    "analysis.solution_times": lambda: _answers(threshold=0.8),
    "analysis.softmax": lambda: {"logits": t.rng().normal(size=(4, 3))},
    "analysis.speed_accuracy": lambda: _answers(inference=t.LESS),
    "analysis.state_courses": lambda: {"recording": t.recording(), "state": "V1"},
    "analysis.summary": lambda: {"result": t.evaluated().copy(deep=True)},
    "analysis.time_helps": lambda: {
        "correct": t.stimuli(t.rng().random((t.N, 2)) < 0.6, "stimulus", "step"),
        "difficulty": t.stimuli(t.rng().random(t.N), "stimulus"),
        "inference": t.LESS,
    },
    "models.adjacent": lambda: {"states": _states()},
    "models.full": lambda: {"states": _states()},
    "models.schedule": lambda: {"graph": adjacent(_states()), "steps": 4},
    "models.twin": lambda: {"net": t.network()},
    "neural.align": lambda: {"ids": list(t.IDS), "wanted": list(t.IDS[::-1])},
    "neural.average": lambda: {"data": t.repeats()},
    "neural.baseline": lambda: {"data": t.mean(), "window_ms": (-40.0, 0.0)},
    "neural.bin_spikes": lambda: {"data": t.spikes(), "width_ms": 10.0},
    "neural.sliding": lambda: {"data": t.mean(), "width_ms": 30.0},
    "neural.from_brainio": lambda: {
        "source": t.responses().rename(stimulus="presentation", unit="neuroid")
    },
    "neural.from_latencies": lambda: {"table": t.latency_table()},
    "neural.from_mne": lambda: {"source": object()},
    "neural.from_nwb": lambda: {"source": "none.nwb", "window_ms": (0.0, 100.0), "bin_ms": 10.0},
    "neural.from_rdms": lambda: {
        "source": t.rng().random((3, 28)),
        "stimulus_id": list(t.IDS[:8]),
        "subject": ["anna", "ben", "cleo"],
    },
    "neural.from_responses": lambda: {
        "responses": t.rng().normal(size=(6, 5)),
        "dims": ("stimulus", "unit"),
        "stimulus_id": list(t.IDS[:6]),
    },
    "neural.from_trials": lambda: {"trials": t.trial_table(), "chance": 0.2, "inference": t.LESS},
    "neural.info": lambda: {"name": "cichy92-fmri"},
    "neural.latency_ladder": lambda: {
        "data": neural.from_latencies(t.latency_table()),
        "inference": t.LESS,
    },
    "neural.reliability": lambda: {"data": t.repeats(), "splits": 3},
    "neural.response_rdms": lambda: {"data": t.mean()},
    "neural.select_stimuli": lambda: {"dataset": t.mean(), "stimulus_id": list(t.IDS[:3])},
    "neural.split_halves": lambda: {"data": t.repeats()},
    "neural.stack": lambda: {"datasets": [t.subjects(0), t.subjects(1)], "names": ["a", "b"]},
    "interop.from_netcdf": lambda: {"path": _netcdf()},
    "interop.from_rsatoolbox": lambda: {"theirs": _rsatoolbox()},
    "interop.to_mne_rsa": lambda: {"data": t.human_rdms()},
    "interop.to_rsatoolbox": lambda: {"data": t.human_rdms()},
    "interop.to_netcdf": lambda: {"data": t.recording(), "path": "x.nc", "overwrite": True},
    "interop.to_neuroid_assembly": lambda: {"data": t.recording(), "states": "IT"},
    "interop.write_assembly": lambda: {"assembly": t.responses(), "path": "assembly.nc"},
    "plotting.arrangement": lambda: {"axes": t.axes(), "positions": t.rng().random((8, 2))},
    "plotting.trajectories": lambda: {"axes": t.axes(), "positions": t.rng().random((3, 8, 2))},
    "plotting.bars": lambda: {"axes": t.axes(), "result": t.evaluated().isel(step=0)},
    "plotting.curves": lambda: {"axes": t.axes(), "result": t.evaluated().copy(deep=True)},
    "plotting.significance": lambda: {"axes": t.axes(), "result": t.evaluated().isel(step=0)},
    "plotting.comparison": lambda: {"result": t.evaluated().copy(deep=True)},
    "plotting.graph": lambda: {"axes": t.axes(), "network": t.network()},
    "plotting.timeline": lambda: {
        "axes": t.axes(),
        "presentations": {"flash": cortexsim.stimuli.flash(50)},
        "steps": 4,
    },
    "plotting.heatmap": lambda: {"axes": t.axes(), "rdm": t.rdm_array()},
    "plotting.latency_ladder": lambda: {
        "axes": t.axes(),
        "result": neural.latency_ladder(neural.from_latencies(t.latency_table()), inference=t.LESS),
    },
    "plotting.mds": lambda: {"rdms": t.rdm_array()},
    "plotting.movie": lambda: {"dataset": t.movie()},
    "plotting.overview": lambda: {"tree": t.recording(), "image": t.pixels(1)[0]},
    "plotting.stimulus": lambda: {"tree": t.recording(), "stimulus_id": "image-00000"},
    "plotting.save": lambda: {"figure": t.axes().figure, "path": Path("figure.png")},
    "plotting.time_by_time": lambda: {"result": t.evaluated().copy(deep=True)},
    "plotting.trials": lambda: {
        "axes": t.axes(),
        "people": neural.from_trials(t.trial_table(), chance=0.2, inference=t.LESS),
    },
    "stimuli.Event": lambda: {"shows": "image", "onset_ms": 0.0, "duration_ms": 50.0},
    "stimuli.ImageSet": lambda: {
        "name": "mine",
        "train_x": torch.from_numpy(t.pixels(4)).permute(0, 3, 1, 2),
        "train_y": torch.tensor([0, 1, 0, 1]),
        "test_x": torch.from_numpy(t.pixels(2)).permute(0, 3, 1, 2),
        "test_y": torch.tensor([0, 1]),
        "classes": ("cat", "dog"),
    },
    "stimuli.Presentation": lambda: {"events": (Event("image", 0.0, 50.0),)},
    "stimuli.Masker": lambda: {"stimuli": cortexsim.stimuli.sample()},
    "stimuli.Stimuli": lambda: {
        "name": "mine",
        "ids": ("a", "b"),
        "labels": ("x", "y"),
        "source": t.pixels(2),
    },
    "stimuli.backward_mask": lambda: {
        "on_ms": 25.0,
        "soa_ms": 50.0,
        "mask_ms": 100.0,
        "kind": "pink",
    },
    "stimuli.forward_mask": lambda: {
        "on_ms": 25.0,
        "soa_ms": 50.0,
        "mask_ms": 25.0,
        "kind": "pink",
    },
    "stimuli.flash": lambda: {"on_ms": 50.0},
    "stimuli.rsvp": lambda: {"count": 4, "soa_ms": 50.0},
    "stimuli.read_presentation": lambda: {"text": "flash:50"},
    "stimuli.distorted": lambda: {"images": t.pixels(2), "kind": "contrast", "level": 0.2},
    "stimuli.in_words": lambda: {
        "records": cortexsim.stimuli.on_screen(["image", "blank"], cortexsim.TimeAxis())
    },
    "stimuli.on_screen": lambda: {"frames": ["image", "blank"], "axis": cortexsim.TimeAxis()},
    "stimuli.load_images": lambda: {"data": "nowhere"},
    "stimuli.load_stimuli": lambda: {"source": "sample"},
    "stimuli.mask": lambda: {"kind": "pink", "target": t.pixels(1)[0], "stimulus_id": "a"},
    "stimuli.texture_mask": lambda: {
        "net": t.network(),
        "images": t.pixels(1),
        "state": "V1",
        "iterations": 2,
    },
    # Methods that take what people bring.
    "Network.unroll": lambda: {"images": t.images(), "steps": 3},
    "Network.preprocess": lambda: {"images": t.pixels(2)},
    "Graph.from_json": lambda: {"text": adjacent(_states()).to_json()},
    "TimeAxis.time_ms": lambda: {"steps": np.arange(1, 4)},
}


def _netcdf() -> Path:
    from cortexsim.files import write

    path = Path("sound.nc")
    write(t.evaluated(), path)
    return path


def _rsatoolbox() -> Any:
    from cortexsim.interop import to_rsatoolbox

    return to_rsatoolbox(t.human_rdms())


def _method(name: str) -> Callable[..., Any] | None:
    """A method that is fuzzed beside the functions."""
    return {
        "Network.unroll": lambda **k: list(t.network().unroll(**k)),
        "Network.preprocess": lambda **k: t.network().preprocess(**k),
        "Graph.from_json": Graph.from_json,
        "TimeAxis.time_ms": lambda **k: cortexsim.TimeAxis().time_ms(**k),
    }.get(name)


def functions() -> dict[str, Callable[..., Any]]:
    """Every public function and class of the package, and some methods, by name."""
    public = {}
    for room in ROOMS:
        module = getattr(cortexsim, room) if room else cortexsim
        for name in module.__all__:
            value = getattr(module, name)
            whole = f"{room}.{name}" if room else name
            if (
                callable(value)
                and whole not in APART
                and (not room or name not in cortexsim.__all__)
            ):
                public[whole] = value
    return public | {n: m for n in VALID if (m := _method(n)) is not None}


def parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Those that have a name."""
    try:
        signature = inspect.signature(function)
    except ValueError:
        return {}
    plain = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {k: p for k, p in signature.parameters.items() if p.kind not in plain}


GUESSES: dict[str, Any] = {"int": 2, "float": 1.0, "str": "image", "bool": False, "Any": None}


def filled(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    """A sound call; of a function without one, what its annotations say."""
    if name in VALID:
        return VALID[name]()
    needed = {k: p for k, p in parameters(function).items() if p.default is inspect.Parameter.empty}
    return {
        k: GUESSES.get(str(p.annotation).split(" |")[0], t.features()) for k, p in needed.items()
    }
