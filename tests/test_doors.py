"""Every public function that is given two things of the same stimuli, as people may give them.

The functions are those of the package: one that is new is tested, or said to have no stimuli, the
day it is written.
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
import xarray

from cortexsim import analysis, interop, neural, plotting
from cortexsim.analysis import CrossValidation, Inference, Regression
from cortexsim.errors import AnalysisError, CortexsimError
from cortexsim.labelled.rdms import pair_coords
from cortexsim.pairs import pairs_among

N, CLASSES = 48, 3
IDS = np.array([f"image {k}" for k in range(N)], dtype=object)
FEW = Inference(n=20, permutations=20)
LESS = Inference(n=20)
NO_BIAS = replace(LESS, permutations=0)


def rng():
    return np.random.default_rng(0)


def whole(*shape: int) -> np.ndarray:
    """Whole numbers of 0 to 200, which every type holds exactly."""
    return rng().integers(0, 200, shape).astype(float)


def stimuli(values: np.ndarray, *dims: str, **coords: Any) -> xarray.DataArray:
    return xarray.DataArray(values, {"stimulus_id": ("stimulus", IDS), **coords}, dims)


def rdm_array(values: np.ndarray, *lead: str, **coords: Any) -> xarray.DataArray:
    n = 12
    return xarray.DataArray(values, {**pair_coords(IDS[:n]), **coords}, (*lead, "pair"))


def features() -> xarray.DataArray:
    return stimuli(whole(N, 5), "stimulus", "feature")


def responses() -> xarray.DataArray:
    x = whole(N, 5)
    y = np.round(x @ np.abs(rng().normal(size=(5, 4))) / 5) % 200
    return stimuli(y, "stimulus", "unit", unit=list("abcd"))


def labels() -> xarray.DataArray:
    return stimuli(np.arange(N) % CLASSES, "stimulus")


def names() -> xarray.DataArray:
    """The same by the names of the classes."""
    return labels().copy(data=np.array(list("xyz"), dtype=object)[labels().values])


def probability() -> xarray.DataArray:
    p = rng().dirichlet(np.ones(CLASSES), (N, 4))
    truth = np.eye(CLASSES)[np.arange(N) % CLASSES][:, None]
    p = (p + truth * np.array([0.2, 0.5, 1, 2])[None, :, None]) / (
        1 + np.array([0.2, 0.5, 1, 2])[None, :, None]
    )
    return stimuli(p, "stimulus", "step", "class", **{"class": list("xyz"), "step": [1, 2, 3, 4]})


def people() -> xarray.DataArray:
    counts = rng().multinomial(20, np.ones(CLASSES) / CLASSES, N)
    counts[np.arange(N), np.arange(N) % CLASSES] += 20
    return stimuli(counts.astype(float), "stimulus", "class", **{"class": list("xyz")})


def right() -> xarray.DataArray:
    return stimuli(rng().random(N) < 0.6, "stimulus")


class Door(NamedTuple):
    """How a function is called with things of the same stimuli.

    The order of the first one is that of the result (and of folds and resamples); the others are
    brought into it.
    """

    inputs: Callable[[], dict[str, xarray.DataArray]]
    call: Callable[[dict[str, Any]], Any]
    numeric: tuple[str, ...] = ()  # which of the inputs are numbers of any type
    scaled: tuple[str, ...] = ()  # on the scale of which the result does not depend
    follows: tuple[str, ...] = ()  # with the scale of which the result changes


SHORT = CrossValidation(folds=3)
DOORS: dict[str, Door] = {
    "analysis.encode": Door(
        lambda: {"x": features(), "y": responses()},
        lambda d: analysis.encode(d["x"], d["y"], cv=SHORT, inference=LESS).r,
        ("x", "y"),
        ("x", "y"),
    ),
    "analysis.encode with PLS": Door(
        lambda: {"x": features(), "y": responses()},
        lambda d: (
            analysis.encode(
                d["x"], d["y"], regression=Regression(method="pls", components=2), inference=LESS
            ).r
        ),
        ("x", "y"),
        ("x", "y"),
    ),
    "analysis.partition": Door(
        lambda: {
            "a": features(),
            "b": stimuli(whole(N, 3)[::-1].copy(), "stimulus", "feature"),
            "y": responses(),
        },
        lambda d: analysis.partition(d["a"], d["b"], d["y"], inference=NO_BIAS).r2_both,
        ("a", "b", "y"),
        ("a", "b", "y"),
    ),
    "analysis.decode": Door(
        lambda: {"x": features() + 40 * labels(), "labels": labels()},
        lambda d: analysis.decode(d["x"], d["labels"], cv=SHORT, inference=NO_BIAS).accuracy,
        ("x",),
        ("x",),
    ),
    "analysis.read_answers": Door(
        lambda: {"x": features() + 40 * labels(), "labels": labels()},
        lambda d: analysis.read_answers(d["x"], d["labels"], cv=SHORT),
        ("x",),
        ("x",),
    ),
    "analysis.discrimination_latency": Door(
        lambda: {"x": features() + 40 * labels(), "labels": labels()},
        lambda d: (
            analysis.discrimination_latency(d["x"], d["labels"], cv=SHORT, inference=FEW).accuracy
        ),
        ("x",),
        ("x",),
    ),
    "analysis.selectivity_latency": Door(
        lambda: {"x": features() + 40 * labels(), "labels": labels()},
        lambda d: (
            analysis.selectivity_latency(
                d["x"], d["labels"], inference=Inference(permutations=20)
            ).eta2
        ),
        ("x",),
        ("x",),
    ),
    "analysis.cka": Door(
        lambda: {"x": features(), "y": responses()},
        lambda d: analysis.cka(d["x"], d["y"]),
        ("x", "y"),
        ("x", "y"),
    ),
    "analysis.procrustes": Door(
        lambda: {"x": features(), "y": responses()},
        lambda d: analysis.procrustes(d["x"], d["y"]),
        ("x", "y"),
        ("x", "y"),
    ),
    "analysis.shape_distance": Door(
        lambda: {"x": features(), "y": responses()},
        lambda d: analysis.shape_distance(d["x"], d["y"]),
        ("x", "y"),
        ("x", "y"),
    ),
    "analysis.cross_entropy": Door(
        lambda: {"p": probability(), "people": people(), "labels": labels()},
        lambda d: (
            analysis.cross_entropy(d["p"], d["people"], d["labels"], inference=LESS).cross_entropy
        ),
        ("people",),
        ("people",),
    ),
    "analysis.confusion_consistency": Door(
        lambda: {"p": probability(), "people": people(), "labels": labels()},
        lambda d: (
            analysis.confusion_consistency(
                d["p"], d["people"], d["labels"], splits=4, inference=LESS
            ).rho
        ),
        ("people",),
        ("people",),
    ),
    "analysis.image_consistency": Door(
        lambda: {"p": probability(), "people": people(), "labels": labels()},
        lambda d: (
            analysis.image_consistency(
                d["p"], d["people"], d["labels"], splits=4, inference=LESS
            ).value
        ),
        ("people",),
        ("people",),
    ),
    "analysis.image_dprimes": Door(
        lambda: {"choices": people(), "labels": names()},
        lambda d: analysis.image_dprimes(d["choices"], d["labels"]),
        ("choices",),
        ("choices",),
    ),
    "analysis.image_rates": Door(
        lambda: {"choices": people(), "labels": names()},
        lambda d: analysis.image_rates(d["choices"], d["labels"]),
        ("choices",),
        ("choices",),
    ),
    "analysis.solution_times": Door(
        lambda: {"p": probability(), "labels": labels()},
        lambda d: analysis.solution_times(d["p"], 0.8, d["labels"]).time,
    ),
    "analysis.reaction_times": Door(
        lambda: {"p": probability(), "labels": labels()},
        lambda d: analysis.reaction_times(d["p"], 0.3, d["labels"]).time,
    ),
    "analysis.speed_accuracy": Door(
        lambda: {"p": probability(), "labels": labels()},
        lambda d: analysis.speed_accuracy(d["p"], d["labels"], inference=LESS).accuracy,
    ),
    "analysis.compare_reaction_times": Door(
        lambda: {"p": probability(), "target": stimuli(whole(N), "stimulus"), "labels": labels()},
        lambda d: (
            analysis.compare_reaction_times(d["p"], d["target"], d["labels"], inference=NO_BIAS).tau
        ),
        ("target",),
        ("target",),
    ),
    "analysis.early_late": Door(
        lambda: {"p": probability(), "values": stimuli(whole(N), "stimulus")},
        lambda d: analysis.early_late(
            analysis.solution_times(d["p"], 0.8, labels()), d["values"], inference=LESS
        )["mean"],
        ("values",),
        follows=("values",),
    ),
    "analysis.time_helps": Door(
        lambda: {
            "correct": stimuli(rng().random((N, 2)) < 0.6, "stimulus", "step"),
            "difficulty": stimuli(whole(N), "stimulus"),
        },
        lambda d: analysis.time_helps(d["correct"], d["difficulty"], inference=LESS).gain,
        ("difficulty",),
        ("difficulty",),
    ),
    "analysis.error_consistency": Door(
        lambda: {"first": right(), "second": stimuli(rng().random(N) < 0.7, "stimulus")},
        lambda d: analysis.error_consistency(d["first"], d["second"], inference=FEW).kappa,
    ),
    "analysis.censored_tau": Door(
        lambda: {
            "first": stimuli(whole(N), "stimulus"),
            "second": stimuli(rng().permutation(whole(N)), "stimulus"),
        },
        lambda d: analysis.censored_tau(d["first"], d["second"], inference=LESS).tau,
        ("first", "second"),
        ("first", "second"),
    ),
    "analysis.rdms": Door(
        lambda: {"x": features()},
        lambda d: analysis.compare(analysis.rdms(d["x"]), analysis.rdms(features())),
        ("x",),
        ("x",),
    ),
    "analysis.compare": Door(
        lambda: {"models": rdm_array(whole(2, 66), "model"), "data": rdm_array(whole(66))},
        lambda d: analysis.compare(d["models"], d["data"]),
        ("models", "data"),
        ("models", "data"),
    ),
    "analysis.evaluate": Door(
        lambda: {
            "models": rdm_array(whole(2, 3, 66), "state", "step"),
            "data": rdm_array(whole(6, 66) + whole(66), "subject"),
        },
        lambda d: (
            analysis.evaluate(
                d["models"],
                d["data"],
                inference=Inference(n=20, permutations=20, resample="condition"),
            ).evaluation
        ),
        ("models", "data"),
        ("models", "data"),
    ),
    "analysis.noise_ceiling": Door(
        lambda: {"data": rdm_array(whole(6, 2, 66), "subject", "time_ms")},
        lambda d: np.stack(analysis.noise_ceiling(d["data"])),
        ("data",),
        ("data",),
    ),
    "analysis.fit_time_axis": Door(
        lambda: {
            "models": rdm_array(whole(4, 66), "step", step=[1, 2, 3, 4]),
            "data": rdm_array(whole(6, 66), "time_ms", time_ms=np.arange(0, 120, 20.0)),
        },
        lambda d: (
            analysis.fit_time_axis(d["models"], d["data"], splits=2, inference=FEW).similarity
        ),
        ("models", "data"),
        ("models", "data"),
    ),
    "neural.response_rdms": Door(
        lambda: {"y": responses()},
        lambda d: analysis.compare(
            neural.response_rdms(d["y"]).rdm, neural.response_rdms(responses()).rdm
        ),
        ("y",),
        ("y",),
    ),
    "neural.from_responses": Door(
        lambda: {"y": responses()},
        lambda d: (
            neural.select_stimuli(
                neural.from_responses(d["y"], dims=("stimulus", "unit")), IDS
            ).responses
        ),
        ("y",),
        follows=("y",),
    ),
}
# Whose result does not depend on the order of their only, or of their first, input.
UNORDERED = {
    "analysis.rdms",
    "neural.response_rdms",
    "neural.from_responses",
    "analysis.noise_ceiling",
}
# Public functions that are not given two things of the same stimuli, with why.
OTHERS = {
    "analysis": {
        "softmax": "one array: tests/analysis/behavior/test_answers.py",
        "own_answers": "a recording",
        "condensed": "one array, see tests/test_pairs.py",
        "square": "one array, its pairs in any order: tests/neural/test_stack.py",
        "rdm_movie": "a recording",
        "open_movie": "a path",
        "summary": "a result",
        "jacobian": "a network and images",
        "step_map": "a network and images",
        "distances": "a network and images",
        "fixed_point": "a function",
        "effective_depth": "one array",
        "relative_steps": "a network and images",
        "state_courses": "a recording",
        "latencies": "courses, not stimuli: tests/analysis/latency/test_doors.py",
        "latency_difference": "courses: tests/analysis/latency/test_doors.py",
        "population_latency": "courses: tests/analysis/latency/test_doors.py",
        "significance_onset": "effects: tests/analysis/latency/test_doors.py",
        "split_half_reliability": "one array",
        "encode_difference": "results of encode: tests/analysis/linear/test_difference.py",
        "cluster_test": "a statistic and its null: tests/analysis/statistics/test_doors.py",
        "comparable_taus": "results",
        "fit_weibull": "SOAs, not stimuli",
        "goodness_of_fit": "SOAs, not stimuli",
        "threshold": "SOAs, not stimuli",
    },
    "neural": {
        "align": "ids themselves: tests/neural/test_align.py",
        "select_stimuli": "ids themselves: tests/neural/test_align.py",
        "fetch": "a name",
        "info": "a name",
        "load": "a name",
        "list": "nothing",
        "stack": "data sets: tests/neural/test_stack.py",
        "from_brainio": "one assembly",
        "from_nwb": "one file: tests/neural/own/test_nwb.py",
        "from_latencies": "a table of areas, not stimuli: tests/neural/own/test_latencies.py",
        "latency_ladder": "a table of areas, not stimuli: tests/neural/own/test_latencies.py",
        "from_mne": "one object",
        "from_trials": "one table: tests/neural/own/test_trials.py",
        "from_rdms": "one file: tests/neural/own/test_rdms.py",
        "reliability": "one data set: tests/neural/spikes/test_doors.py",
        "split_halves": "one data set: tests/neural/spikes/test_doors.py",
        "baseline": "one data set: tests/neural/spikes/test_doors.py",
        "bin_spikes": "one data set: tests/neural/spikes/test_doors.py",
        "sliding": "one data set: tests/neural/spikes/test_doors.py",
        "average": "one data set: tests/neural/spikes/test_doors.py",
    },
    "interop": {
        "to_rsatoolbox": "one data set, its pairs in any order: tests/interop/test_measured.py",
        "to_mne_rsa": "one data set, its pairs in any order: tests/interop/test_measured.py",
        "from_netcdf": "a path",
        "from_rsatoolbox": "one object",
        "to_neuroid_assembly": "one data set",
        "write_assembly": "one assembly",
        "to_netcdf": "a recording",
    },
    "plotting": {
        "heatmap": "an RDM, its order and groups: tests/plotting/test_conditions.py",
        "movie": "as heatmap",
        "mds": "one RDM, or a stack: tests/plotting/test_conditions.py",
        "arrangement": "positions, their groups and images: tests/plotting/test_conditions.py",
        "trajectories": "positions and their groups: tests/plotting/test_conditions.py",
        "overview": "a recording",
        "stimulus": "a recording",
        "trials": "a table",
        "latency_ladder": "a table of areas",
        "save": "a figure",
        "graph": "a network",
        "timeline": "presentations",
        **dict.fromkeys(("bars", "comparison", "curves", "significance"), "a result"),
        **dict.fromkeys(("time_by_time", "scores", "latency", "fitted_axis", "plot"), "a result"),
        "masking": "a result, and curves of people by SOA",
        "rdms": "as heatmap",
    },
}


def test_every_public_function_is_tested_here_or_has_no_two_things_of_the_same_stimuli():
    for module in (analysis, neural, interop, plotting):
        room = module.__name__.split(".")[-1]
        public = {
            name
            for name in dir(module)
            if callable(getattr(module, name)) and not isinstance(getattr(module, name), type)
        }
        tested = {d.split(" ")[0].split(".")[1] for d in DOORS if d.startswith(room)}
        assert public == tested | set(OTHERS[room])


def permuted(array: xarray.DataArray) -> xarray.DataArray:
    """The same, its stimuli (or the conditions of its pairs) in another order."""
    if "pair" in array.dims:
        n = 12
        index = rng().permutation(n)
        values = array.transpose(..., "pair").values[..., pairs_among(index, n)]
        kept = {k: c.variable for k, c in array.coords.items() if "pair" not in c.dims}
        return xarray.DataArray(values, kept | pair_coords(IDS[:n][index]), array.dims)
    return array.isel(stimulus=rng().permutation(array.sizes["stimulus"]))


def by_index(array: xarray.DataArray) -> xarray.DataArray:
    """The ids as the index of the dimension, as pandas has them, instead of a coordinate."""
    if "pair" in array.dims:
        return array
    return array.assign_coords(stimulus=array.stimulus_id.values).drop_vars("stimulus_id")


def number(door: Door, given: dict[str, Any]) -> np.ndarray | None:
    """What a function says; None where it refuses in its own words."""
    try:
        result = door.call(given)
    except CortexsimError:
        return None
    return np.asarray(getattr(result, "values", result), dtype=float)


@functools.cache
def plain(door: Door) -> np.ndarray | None:
    """What a function says of its inputs as they are."""
    return number(door, door.inputs())


def same(door: Door, given: dict[str, Any], *, rtol: float = 1e-6) -> bool:
    """Whether the number is that of the plain call (True) or it is refused (False)."""
    found, expected = number(door, given), plain(door)
    assert expected is not None
    assert np.isfinite(expected).any()
    if found is None:
        return False
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-8)
    return True


CASES = [
    pytest.param(name, key, id=f"{name.split('.')[1]}-{key}")
    for name, door in DOORS.items()
    for k, key in enumerate(door.inputs())
    if k or name in UNORDERED
]
NUMERIC = [
    pytest.param(name, key, id=f"{name.split('.')[1]}-{key}")
    for name, door in DOORS.items()
    for key in door.numeric
]
SCALED = [
    pytest.param(name, key, id=f"{name.split('.')[1]}-{key}")
    for name, door in DOORS.items()
    for key in door.scaled
]


FOLLOWS = [
    pytest.param(name, key, id=f"{name.split('.')[1]}-{key}")
    for name, door in DOORS.items()
    for key in door.follows
]
# The types in which the same values can be given, by the kind of what is given.
ALIKE = {
    "f": ("float16", "float32", ">f8", "float64"),
    "i": ("int8", "uint8", "int16", ">i4", "uint64", "int64", "float64", "complex"),
    "b": ("bool", "uint8", ">i2", "int64", "float32", "float64", "complex"),
    "O": ("object", "str", np.dtypes.StringDType()),
}
OTHER_TYPES = [
    pytest.param(name, key, id=f"{name.split('.')[1]}-{key}")
    for name, door in DOORS.items()
    for key in door.inputs()
    if key not in door.numeric
]


@pytest.mark.parametrize(("name", "key"), CASES)
def test_stimuli_in_another_order_give_the_same_number(name, key):
    door = DOORS[name]
    given = door.inputs()
    assert same(door, given | {key: permuted(given[key])}), "joined by ids, not refused"
    assert same(door, given | {key: by_index(permuted(given[key]))}), "by their index likewise"


@pytest.mark.parametrize(
    ("name", "key"), [c for c in CASES if len(DOORS[c.values[0]].inputs()) > 1]
)
def test_other_stimuli_are_refused(name, key):
    door = DOORS[name]
    given = door.inputs()
    other = given[key]
    if "pair" in other.dims:
        kept = {k: c.variable for k, c in other.coords.items() if "pair" not in c.dims}
        ids = pair_coords([f"other {k}" for k in range(12)])
        other = xarray.DataArray(other.values, kept | ids, other.dims)
    else:
        other = other.assign_coords(stimulus_id=("stimulus", [f"other {k}" for k in range(N)]))
    with pytest.raises(AnalysisError, match="other 0"):
        door.call(given | {key: other})


@pytest.mark.parametrize(
    ("name", "key"),
    [c for c in NUMERIC if "pair" not in DOORS[c.values[0]].inputs()[c.values[1]].dims],
)
def test_ids_that_arithmetic_took_away_are_missed(name, key):
    door = DOORS[name]
    given = door.inputs()
    for own in (
        given[key].assign_attrs(kind="responses"),
        given[key].assign_coords(populated=True),
    ):
        lost = own + 0 * permuted(own)
        assert "stimulus_id" not in lost.coords
        with pytest.raises(AnalysisError, match=r"no stimulus_id: the ids are lost|has no ids"):
            door.call(given | {key: lost})


@pytest.mark.parametrize("name", DOORS)
def test_dimensions_in_another_order_give_the_same_number_or_an_error(name):
    door = DOORS[name]
    given = door.inputs()
    for key, array in given.items():
        if array.ndim > 1 and name != "neural.from_responses":
            turned = array.transpose(*array.dims[::-1])
            assert same(door, given | {key: turned})


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("name", "key"), NUMERIC)
def test_the_type_of_the_numbers_does_not_matter(name, key):
    door = DOORS[name]
    given = door.inputs()
    if (given[key] % 1 != 0).any() or (given[key] > 255).any() or (given[key] < 0).any():
        given[key] = given[key].copy(data=np.round(given[key].values) % 200)
    expected = number(door, dict(given))
    assert expected is not None
    for kind in ("uint8", "int16", "float16", "float32", ">f8", ">i4", "int64"):
        found = number(door, given | {key: given[key].astype(kind)})
        if found is not None:
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=kind)
    wide = np.repeat(given[key].values[..., None], 2, -1)[..., 0]  # strided
    found = number(door, given | {key: given[key].copy(data=wide)})
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("name", "key"), NUMERIC)
def test_hidden_and_complex_values_are_refused(name, key):
    door = DOORS[name]
    given = door.inputs()
    for bad in (
        np.ma.masked_array(given[key].values, mask=given[key].values == given[key].values.flat[0]),
        given[key].values + 1j,
        given[key].astype(complex),
        given[key].astype(str),
    ):
        with pytest.raises(CortexsimError):
            door.call(given | {key: bad})


@pytest.mark.sampled(17)
@pytest.mark.parametrize(("name", "key"), SCALED)
@pytest.mark.parametrize("scale", [1e-30, 1e-16, 1e16, 1e30])
def test_the_unit_of_the_numbers_does_not_matter(name, key, scale):
    door = DOORS[name]
    given = door.inputs()
    assert same(door, given | {key: given[key] * scale}, rtol=1e-5) or key == "people"  # counts


@pytest.mark.sampled(6)
@pytest.mark.parametrize(("name", "key"), OTHER_TYPES)
def test_the_type_of_probabilities_labels_and_answers_does_not_matter(name, key):
    door = DOORS[name]
    given = door.inputs()
    kind = given[key].dtype.kind
    if kind == "f":  # values that every type can hold
        given[key] = given[key].astype("float16").astype(float)
    expected = number(door, dict(given))
    assert expected is not None
    accepted = 0
    for dtype in ALIKE[kind]:
        found = number(door, given | {key: given[key].astype(dtype)})
        if found is not None:
            accepted += 1
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7, err_msg=str(dtype))
    assert accepted >= (1 if kind == "b" else 2)  # truth is true or false, not 1.0
    wide = np.repeat(given[key].values[..., None], 2, -1)[..., 0]  # strided
    found = number(door, given | {key: given[key].copy(data=wide)})
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("name", "key"), FOLLOWS)
@pytest.mark.parametrize("scale", [1e-30, 1e-16, 1e16, 1e30])
def test_a_result_in_the_unit_of_the_numbers_follows_it(name, key, scale):
    door = DOORS[name]
    given = door.inputs()
    found = number(door, given | {key: given[key] * scale})
    assert found is not None
    np.testing.assert_allclose(found / scale, plain(door), rtol=1e-5, atol=1e-8)


def test_every_input_is_given_in_other_types_and_units():
    """Probabilities have no unit, labels and answers none either."""
    for name, door in DOORS.items():
        inputs = door.inputs()
        assert set(door.scaled + door.follows) <= set(inputs)
        numbers = {k for k in door.numeric if inputs[k].dtype.kind == "f"}
        assert numbers <= set(door.scaled + door.follows), name
