"""``neural.from_trials``: tables of behaviour as people have them, against pandas and scipy."""

import gzip

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from scipy.optimize import minimize

from cortexsim import neural
from cortexsim.analysis.statistics.psychometric import threshold
from cortexsim.analysis.statistics.settings import Inference
from cortexsim.analysis.statistics.weibull import weibull
from cortexsim.errors import AnalysisError

SOA = (25.0, 50.0, 75.0, 100.0, 150.0)
FEW = Inference(n=60, rng=3)


@pytest.fixture(scope="module")
def table():
    """Six people, 5 SOAs, with and without a mask; the masked threshold is known."""
    rng = np.random.default_rng(0)
    rows = []
    for k, who in enumerate(("ann", "bob", "eve", "max", "sam", "zoe")):
        scale = {False: 20.0, True: 50.0 + 8 * k}
        for masked in (False, True):
            p = weibull(np.array(SOA), scale_ms=scale[masked], slope=2, asymptote=0.9, chance=0.2)
            for soa, share in zip(SOA, p):
                right = rng.random(60) < share
                label = rng.integers(0, 5, 60)
                said = np.where(right, label, (label + rng.integers(1, 5, 60)) % 5)
                rows += [
                    {
                        "participant": who,
                        "soa_ms": soa,
                        "mask": masked,
                        "correct": bool(r),
                        "label": f"c{a}",
                        "response": f"c{b}",
                        "rt_ms": 400 + 300 * rng.random(),
                    }
                    for r, a, b in zip(right, label, said)
                ]
    return pd.DataFrame(rows).sample(frac=1, random_state=1, ignore_index=True)


@pytest.fixture(scope="module")
def people(table):
    return neural.from_trials(table, inference=FEW)


def test_shares_counts_and_times_are_those_of_pandas(people, table):
    theirs = table.groupby(["mask", "soa_ms"])
    assert people.accuracy.dims == ("mask", "soa_ms")
    assert people["mask"].values.tolist() == ["none", "mask"]
    assert people.soa_ms.values.tolist() == list(SOA)
    np.testing.assert_allclose(people.accuracy, theirs.correct.mean().unstack())
    np.testing.assert_array_equal(people.trials, theirs.size().unstack())
    np.testing.assert_allclose(people.rt_ms, theirs.rt_ms.median().unstack())
    each = table.groupby(["participant", "mask", "soa_ms"]).correct.mean()
    np.testing.assert_allclose(people.participant_accuracy.values.ravel(), each)
    assert people.attrs["chance"] == 0.2
    assert people.participant.values.tolist() == sorted({*table.participant})


def test_the_threshold_of_each_participant_is_that_of_scipy(people, table):
    masked = table[table["mask"]]
    for who, rows in masked.groupby("participant"):
        k = rows.groupby("soa_ms").correct.sum().values
        n = rows.groupby("soa_ms").size().values

        def cost(theta, k=k, n=n):
            p = weibull(
                np.array(SOA),
                scale_ms=np.exp(theta[0]),
                slope=np.exp(theta[1]),
                asymptote=0.2 + 0.8 / (1 + np.exp(-theta[2])),
                chance=0.2,
            )
            p = np.clip(p, 1e-12, 1 - 1e-12)
            return -(k * np.log(p) + (n - k) * np.log(1 - p)).sum()

        fit = min(
            (
                minimize(cost, [np.log(s), b, 2.0], method="Nelder-Mead", options={"maxiter": 4000})
                for s in (40, 80)
                for b in (0.3, 1.2)
            ),
            key=lambda f: f.fun,
        )
        theirs = np.exp(fit.x[0]) * np.log(2) ** (1 / np.exp(fit.x[1]))
        ours = people.sel(participant=who, mask="mask")
        assert ours.participant_threshold_status.item() == "ok"
        assert ours.participant_threshold_ms.item() == pytest.approx(theirs, rel=0.01)
        low, high = ours.participant_threshold_interval.values
        assert low < ours.participant_threshold_ms.item() < high


def test_the_interval_of_the_group_is_over_participants(people, table):
    """Bootstrapped here by hand: the same resamples of whole participants."""
    counts = np.random.default_rng(3).multinomial(6, np.full(6, 1 / 6), size=60)
    cells = table.groupby(["participant", "mask", "soa_ms"]).correct
    right, shown = (v.values.reshape(6, 2, 5) for v in (cells.sum(), cells.count()))
    drawn = np.einsum("rp,pms->rms", counts, right) / np.einsum("rp,pms->rms", counts, shown)
    # As far out as Student's interval of 6 is, for resamples of 6 spread by sqrt(5 / 6) too little.
    tail = stats.norm.cdf(-stats.t.ppf(0.975, 5) * np.sqrt(6 / 5))
    bounds = np.quantile(drawn, [tail, 1 - tail], axis=0)
    np.testing.assert_allclose(people.accuracy_interval, np.moveaxis(bounds, 0, -1))
    assert "as much wider as Student's" in people.attrs["interval"]
    # People differ: their interval of the threshold is wider than one over trials would be.
    low, high = people.threshold_interval.sel(mask="mask").values
    pooled = neural.from_trials(
        table.assign(participant="all"), each=False, inference=Inference(n=60)
    ).threshold_interval.sel(mask="mask")
    assert high - low > 1.3 * float(pooled[1] - pooled[0])
    # And is that of leaving out one participant at a time, whatever the resamples were.
    chance, soa = people.attrs["chance"], people.soa_ms.values
    theirs = threshold(soa, right[:, 1], shown[:, 1], chance=chance, simulated=0)
    np.testing.assert_allclose([low, high], theirs.interval, rtol=1e-9)
    assert "participants" in people.attrs["interval"]


def test_one_participant_is_resampled_by_trials(table):
    one = neural.from_trials(table[table.participant == "eve"], inference=FEW)
    assert "trials of the one participant" in one.attrs["interval"]
    assert one.threshold_ms.sel(mask="mask").item() == pytest.approx(
        one.participant_threshold_ms.sel(mask="mask").item()
    )
    low, high = one.accuracy_interval.isel(mask=1, soa_ms=0).values
    assert 0.1 < high - low < 0.4


@pytest.mark.parametrize("kind", ["csv", "tsv", "semicolons", "gz", "mapping", "dataset", "names"])
def test_the_same_table_in_every_form_gives_the_same_numbers(kind, table, people, tmp_path):
    path, given = tmp_path / "trials.csv", table
    if kind == "csv":
        table.to_csv(path, index=False)
        given = path
    elif kind == "tsv":
        given = tmp_path / "trials.tsv"
        table.to_csv(given, index=False, sep="\t")
    elif kind == "semicolons":
        table.to_csv(path, index=False, sep=";")
        given = str(path)
    elif kind == "gz":
        given = tmp_path / "trials.csv.gz"
        given.write_bytes(gzip.compress(table.astype({"mask": int}).to_csv(index=False).encode()))
    elif kind == "mapping":
        given = {name: table[name].tolist() for name in table}
    elif kind == "dataset":
        given = xr.Dataset({k: ("trial", table[k].values) for k in table}, {"other": ("x", [1])})
    else:
        given = table.rename(columns={"participant": "Subject", "soa_ms": "SOA", "mask": "masked"})
    again = neural.from_trials(given, each=False, inference=FEW)
    for name in ("accuracy", "accuracy_interval", "threshold_ms", "dprime", "rt_ms"):
        np.testing.assert_allclose(again[name], people[name])
    assert (again.threshold_status == people.threshold_status).all()


def test_netcdf_keeps_everything(people, tmp_path):
    people.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as again:
        xr.testing.assert_identical(again.load(), people)


def test_columns_of_other_names_are_chosen(table, people):
    renamed = table.rename(columns={"participant": "who", "soa_ms": "isi", "correct": "hit"})
    with pytest.raises(
        AnalysisError, match="no participant and no soa_ms or deadline_ms; it has who"
    ):
        neural.from_trials(renamed)
    again = neural.from_trials(
        renamed.drop(columns=["label", "response"]),
        chance=0.2,
        columns={"participant": "who", "soa_ms": "isi", "correct": "hit"},
        inference=FEW,
    )
    np.testing.assert_allclose(again.accuracy, people.accuracy)
    assert "dprime" not in again


def test_deadlines_and_another_column_make_curves(data_folder):
    """The shares that the source of the data states, at two levels of noise."""
    trials = neural.load("kumbhar-deadlines")
    noise = trials.isel(trial=np.flatnonzero(trials.study.values == "noise"))
    people = neural.from_trials(noise, by="level", within_ms=100, each=False, inference=FEW)
    assert people.accuracy.dims == ("level", "deadline_ms")
    assert people.level.values.tolist() == ["0", "0.04", "0.16"]
    expected = [[0.11, 0.11, 0.32, 0.57, 0.60], [0.12, 0.10, 0.14, 0.23, 0.21]]
    np.testing.assert_allclose(people.accuracy[[0, 2]], expected, atol=0.006)
    assert people.attrs["trials"] + people.attrs["trials_left_out"] == noise.sizes["trial"]
    assert people.attrs["citation"] == trials.attrs["citation"]
    # Between two deadlines the third jumps: where, the data do not say.
    assert people.threshold_status.values.tolist() == ["ok", "ok", "slope at its bound"]
    assert (people.threshold_ms.values[:2] > 400).all()
    assert np.isnan(people.threshold_ms.values[2])
    assert (people.fit_p.values > 0.05).all()


def test_the_published_accuracies_of_a_masking_experiment_come_out(data_folder):
    trials = neural.load("tang-masking")
    first = trials.isel(trial=np.flatnonzero(trials.experiment.values == 1))
    people = neural.from_trials(first, each=False, inference=FEW)
    published = [[0.569, 0.651, 0.716, 0.730, 0.735], [0.251, 0.447, 0.553, 0.626, 0.718]]
    np.testing.assert_allclose(people.accuracy, published, atol=5e-4)
    assert people.threshold_status.values.tolist() == ["below 25 ms", "ok"]


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(soa_ms=t.soa_ms / 1000), "soa_ms goes up to 0.15: these look like sec"),
        (lambda t: t.assign(rt_ms=t.rt_ms / 1000), "rt_ms goes up to 0.* look like seconds"),
        (lambda t: t.assign(soa_ms=t.soa_ms - 25), "soa_ms is 0 in 720 trials; it must be above 0"),
        (lambda t: t.assign(soa_ms=t.soa_ms.where(t["mask"])), "soa_ms is empty in 1800 of 3600"),
        (lambda t: t.assign(soa_ms="fast"), "soa_ms holds what is no number: .*fast"),
        (lambda t: t.assign(correct=~t.correct), "differ in 3600 of 3600 trials"),
        (lambda t: t.assign(correct="maybe"), "correct holds 'maybe'; 1 and 0, or true"),
        (lambda t: t.assign(label=7), "no response is a label"),
        (lambda t: t.assign(subject=t.participant, participant_id=1).drop(columns="participant"),
         "subject and participant_id could both be participant; say which"),
        (lambda t: t.assign(deadline=t.soa_ms), "SOAs and deadlines; say which"),
        (lambda t: t.assign(participant=""), "participant is empty in 3600 of 3600"),
        (lambda t: t.assign(mask=np.nan), "mask is empty in 3600 of 3600 trials; write 'none'"),
        (lambda t: t.drop(columns=["correct", "response"]), "needs a column 'correct', or"),
        (lambda t: t.drop(columns=["label"]), "chance is not known: give chance="),
        (lambda t: t.iloc[:0], "has no rows"),
        (lambda t: t.to_numpy(), "trials is a ndarray; give the path of a .csv"),
    ],
)  # fmt: skip
def test_what_is_no_such_table_is_refused(change, message, table):
    with pytest.raises(AnalysisError, match=message):
        neural.from_trials(change(table), inference=FEW)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chance": 1.2}, "chance is 1.2; it must lie between 0 and 1"),
        ({"columns": {"who": "participant"}}, "columns has 'who'; choose from participant"),
        ({"columns": {"participant": "who"}}, "there is no column 'who'; the table has"),
        ({"by": "level"}, "by='level': the table has participant"),
        ({"by": "correct"}, "by='correct' is taken already"),
        ({"within_ms": 100}, "columns deadline_ms and rt_ms are needed"),
        ({"unanswered": "drop"}, "unanswered='drop' is not known; choose from wrong, leave out"),
    ],
)  # fmt: skip
def test_choices_that_are_none_are_refused(options, message, table):
    with pytest.raises(AnalysisError, match=message):
        neural.from_trials(table, **{"inference": FEW, **options})


@pytest.mark.parametrize("how", ["response", "correct"])
def test_nothing_is_made_of_missing_answers_unless_it_is_said(how, table):
    none = np.arange(len(table)) % 10 == 0
    gaps = (
        table.drop(columns=["response", "label"])
        if how == "correct"
        else (table.drop(columns="correct"))
    )
    gaps = gaps.assign(**{how: gaps[how].astype(object).where(~none, None)})
    known = {"chance": 0.2, "each": False, "inference": FEW}
    with pytest.raises(AnalysisError, match="360 of 3600 trials have no answer; say unanswered="):
        neural.from_trials(gaps, **known)
    wrong = neural.from_trials(gaps, unanswered="wrong", **known)
    left = neural.from_trials(gaps, unanswered="leave out", **known)
    cells = [table["mask"], table.soa_ms]
    np.testing.assert_allclose(
        wrong.accuracy, (table.correct & ~none).groupby(cells).mean().unstack()
    )
    np.testing.assert_allclose(
        left.accuracy, table[~none].groupby(["mask", "soa_ms"]).correct.mean().unstack()
    )
    assert (wrong.attrs["trials"], left.attrs["trials_left_out"]) == (3600, 360)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no trials"),
        ("participant,soa_ms,correct\n", "has no trials"),
        ("participant,soa_ms,correct\na,25\n", "row 2 has not 3 cells"),
        ("a,a,correct\n1,25,1\n", "a name stands twice"),
    ],
)
def test_files_that_are_no_table_are_refused(text, message, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(AnalysisError, match=message):
        neural.from_trials(path, chance=0.2)


def test_absent_files_and_other_kinds_are_refused(tmp_path):
    with pytest.raises(AnalysisError, match="there is no file"):
        neural.from_trials(tmp_path / "no.csv")
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    with pytest.raises(AnalysisError, match=r"read from \.csv, \.tsv or \.txt"):
        neural.from_trials(tmp_path / "t.xlsx")


def test_a_curve_that_cannot_be_fitted_says_why(table):
    few = table[table.soa_ms < 80]
    people = neural.from_trials(few, inference=FEW)
    assert {*people.threshold_status.values} == {"too few SOAs"}
    assert np.isnan(people.threshold_ms).all()
    absent = table[(table.participant != "bob") | ~table["mask"]]
    people = neural.from_trials(absent, inference=FEW).sel(participant="bob", mask="mask")
    assert people.participant_threshold_status.item() == "too few trials"
    assert np.isnan(people.participant_accuracy).all()
