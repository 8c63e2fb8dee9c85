"""The sentence of a paper says what is in the result, and what is not."""

import numpy as np
import pytest
import xarray

from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.sentence import sentence

STATES, STEPS, NETWORKS = ["V4", "IT"], [1, 2, 3], ["cortex4", "static", "twin"]


def result(**attrs):
    """The network is best in IT at step 3: 0.5, its twin 0.2 there, p = 0.012 between them."""
    values = np.full((2, 3, 3), 0.1)
    values[1, 0] = [np.nan, 0.3, 0.5]
    values[1, 2, 2] = 0.2
    values[0, 2, 0] = 0.9  # the twin's largest value is no matter
    dims = ("state", "network", "step")
    pair = np.full((2, 3, 3, 3), 0.7)
    pair[1, 0, 2, 2] = pair[1, 2, 0, 2] = 0.012
    p = np.full((2, 3, 3), 0.9)
    p[1, 0, 2] = 0.001
    return xarray.Dataset(
        {
            "evaluation": (dims, values),
            "interval": (("bound", *dims), np.stack([values - 0.1, values + 0.1])),
            "ceiling": ("bound", [0.55, 0.65]),
            "p_permutation_corrected": (dims, p),
            "p_pair_corrected": (("state", "network", "other_network", "step"), pair),
        },
        {
            "state": STATES,
            "step": STEPS,
            "network": NETWORKS,
            "other_network": NETWORKS,
            "bound": ["lower", "upper"],
            "time_ms": ("step", [25.0, 50, 75]),
            "time_ms_low": ("step", [20.0, 40, 60]),
            "time_ms_high": ("step", [50.0, 100, 150]),
        },
        {
            "method": "rsa",
            "quantity": "similarity of RDMs (spearman)",
            "neural_name": "brain",
            "neural_variable": "IT",
            "subjects": 5,
            "conditions": 92,
            "confidence": 0.95,
            "n": 1000,
            "resample": "subject, condition",
            "correction": "holm",
            **attrs,
        },
    )


def test_whether_it_is_above_zero_is_said_where_it_was_tested():
    r = result()
    p = xarray.full_like(r.evaluation, 1.0)
    said = sentence(r.assign(p_zero_corrected=p))
    assert "0.650; above 0 p = 1 (Holm-corrected); against relabelled conditions p = 0.001" in said
    assert "above 0" not in sentence(r.assign(p_zero_corrected=p * np.nan))


def test_everything_that_a_paper_needs_in_one_line():
    assert sentence(result()) == (
        "cortex4, IT at step 3 (75 ms, declared range 60 to 150), with brain IT (92 stimuli, 5 "
        "subjects): similarity of RDMs (spearman) 0.500; 95 % interval 0.400 to 0.600 (1,000 "
        "resamples of subject, condition); noise ceiling 0.550 to 0.650; against relabelled "
        "conditions p = 0.001 (corrected by the maximum statistic); feed-forward twin 0.200, "
        "difference from it p = 0.012 (Holm-corrected)."
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            lambda r: r.assign(interval=r.interval - 0.45),
            "(corrected by the maximum statistic), though the interval holds 0: that p is of these "
            "subjects and stimuli, the interval of others like them",
        ),
        (lambda r: r.drop_vars("interval"), "no interval (nothing was resampled)"),
        (lambda r: r.assign(ceiling=("bound", [np.nan, np.nan])), "no noise ceiling (one subject"),
        (
            lambda r: r.assign(ceiling=("bound", [np.nan, np.nan])).assign_attrs(
                subjects=1, pooled="two animals"
            ),
            "no noise ceiling (one RDM of two animals pooled, no repeats)",
        ),
        (lambda r: r.drop_vars("ceiling"), "no noise ceiling (no repeats, no reliability)"),
        (
            lambda r: r.drop_vars("p_permutation_corrected"),
            "no test against relabelled conditions (no permutations)",
        ),
        (
            lambda r: r.isel(network=[0, 1], other_network=[0, 1]),
            "no feed-forward twin was compared",
        ),
        (lambda r: r.drop_vars("p_pair_corrected"), "twin 0.200 (not tested against it)"),
        (
            lambda r: r.where((r.network != "twin") | (r.state != "IT")),
            "the feed-forward twin has no value there",
        ),
        (lambda r: r.assign_attrs(correction="fdr"), "p = 0.012 (FDR-corrected)"),
        (lambda r: r.assign_attrs(correction="none"), "p = 0.012 (not corrected)"),
        (
            lambda r: r.assign_coords(
                {f"time_ms{end}": ("step", [1.0, 2, 3]) for end in ("", "_low", "_high")}
            ),
            "IT at step 3, with brain",
        ),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said(changed, says):
    assert says in sentence(changed(result()))


def test_the_time_of_a_brain_with_time_is_its_own():
    of_steps = result().rename(time_ms="model_time_ms")
    over = of_steps.expand_dims(time_ms=[100.0, 140.0]).copy(deep=True)
    over["evaluation"] = over.evaluation * xarray.DataArray([0.5, 1.0], dims="time_ms")
    over["ceiling"] = (("bound", "time_ms"), [[0.1, 0.55], [0.2, 0.65]])
    said = sentence(over)
    assert "IT at step 3 (75 ms, declared range 60 to 150), 140 ms of the brain" in said
    assert "noise ceiling 0.550 to 0.650" in said


def test_units_have_one_ceiling_and_the_paired_test_of_the_best_frame():
    best = xarray.DataArray(
        np.full((3, 2, 3), 0.04), dims=("network", "state", "step"),
        coords={"network": NETWORKS, "state": STATES, "step": STEPS},
    )  # fmt: skip
    encoding = (
        result(method="encoding", quantity="held-out correlation", units=30)
        .drop_vars(["p_pair_corrected", "other_network"])
        .assign(ceiling=0.9, best_difference_p_corrected=best)
    )
    said = sentence(encoding)
    assert "noise ceiling 0.900;" in said
    assert "against permuted stimuli p = 0.001" in said
    assert "difference from it p = 0.04 (Holm-corrected)" in said
    assert "92 stimuli, 5 subjects, 30 units" in said


def test_of_decoders_each_property_has_a_line():
    one = result(method="decoding", quantity="balanced accuracy").drop_vars(
        ["p_pair_corrected", "other_network", "ceiling"]
    )
    chance = xarray.DataArray(np.full((2, 3), 0.25), dims=("feature", "network"))
    both = one.expand_dims(feature=["colour", "spatial_frequency"]).assign(chance=chance)
    lines = sentence(both).split("\n")
    assert [line.split(":")[0] for line in lines] == ["colour", "spatial frequency"]
    assert all("chance 0.250; no noise ceiling (decoders have none)" in line for line in lines)
    assert all("against permuted labels p = 0.001" in line for line in lines)


def test_a_result_of_nothing_is_refused():
    with pytest.raises(AnalysisError, match="nothing to sum up"):
        sentence(result().assign(evaluation=result().evaluation * np.nan))
