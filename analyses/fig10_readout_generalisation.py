"""Figure 10 of the memo: a net trained at readout time 10 and read out at 6 to 15.

How: the 3-state net with transitions between neighbours only and no self transitions, input at
every step (without it the third state would be populated at odd steps only; the memo does not say
so). The normalisation statistics of all steps are estimated on training images, those of the
trained time too, so that all are treated alike (errors with those that training left there:
test_error_by_readout in the JSON).

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N). Outputs:
fig10_readout_generalisation.png, .pdf and .json; the run in runs/.
Run time: --budget smoke 15 s on one core of an AMD EPYC; others: measured and said before it
begins.

    python analyses/fig10_readout_generalisation.py --budget cpu --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from shared.answers import errors_at, wrong_at
from shared.claims import Claim, Means
from shared.claims_figure import draw_claims
from shared.common import Report
from shared.curves import caption, judged, source, spread, stated
from shared.runs import Runs, RunsConfig, Trained, Wanted

from cortexsim.cli import parse, run

TRAINED_AT = 10
TIMES = tuple(range(6, 16))
ANSWERS = {"train": TIMES, "test": TIMES}
"""The readout times whose answers a kept run holds."""
IN_MEMO = (6, 7, 8, 9, 10, 11, 12, 15)
NET = Wanted.of("rnn3-generalize", calibrate_to=TIMES[-1])
CLAIM = (
    "Memo, Figure 10: a net trained at readout time 10 degrades gracefully when it is read out at "
    "6 to 15."
)
GRACEFUL = 0.05  # set before any net was trained for it; the memo gives no number


def rise(means: Means) -> np.ndarray:
    """Error at the memo's other readout times, on average, less that at the trained one."""
    others = [TIMES.index(t) for t in IN_MEMO if t != TRAINED_AT]
    errors = means["net"]
    return errors[..., others].mean(-1) - errors[..., TIMES.index(TRAINED_AT)]


CLAIMS = (
    Claim(
        "Read out at 6 to 15 instead of 10, the net errs on average at most 5 points more.",
        ("net",),
        rise,
        high=GRACEFUL,
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, read out, draw."""
    config = parse(
        RunsConfig, arguments, "python analyses/fig10_readout_generalisation.py", __doc__ or ""
    )
    runs = Runs(config)
    trained = runs.get([NET])[NET]
    report = Report("fig10_readout_generalisation", config, CLAIM)
    errors = {
        part: [errors_at(t, runs, part, times=TIMES) for t in trained] for part in ("train", "test")
    }
    found = results(trained, errors, runs)
    draw(report, errors, found["claims"], runs)
    report.numbers([source(runs)], found)
    return 0


def results(
    trained: list[Trained], errors: dict[str, list[dict[int, float]]], runs: Runs
) -> dict[str, Any]:
    """Errors by readout time over seeds, and their differences from that at the trained time."""
    at = {part: {t: spread([e[t] for e in seeds]) for t in TIMES} for part, seeds in errors.items()}
    more = {t: spread([e[t] - e[TRAINED_AT] for e in errors["test"]]) for t in TIMES}
    return {
        **stated(runs),
        "trained_at": TRAINED_AT,
        "readout_times_of_the_memo": list(IN_MEMO),
        "error_by_readout_time": at,
        "test_error_less_that_at_the_trained_time": more,
        "claims": judged(
            CLAIMS, {"net": trained}, runs, wrong={"net": wrong_at(trained, runs, TIMES)}
        ),
        "runs": [t.summary() for t in trained],
    }


def draw(
    report: Report,
    errors: dict[str, list[dict[int, float]]],
    claims: list[dict[str, Any]],
    runs: Runs,
) -> None:
    """Training and test error against the readout time; below what becomes of the claim."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[5, 1])
    axes = above.subplots()
    draw_claims(below.subplots(), claims, unit="difference of errors, points")
    for (part, seeds), (colour, dash, marker) in zip(
        errors.items(), (("#0072b2", "--", "o"), ("#d55e00", "-", "^"))
    ):
        for k, one in enumerate(seeds):
            axes.plot(
                TIMES,
                [one[t] for t in TIMES],
                color=colour,
                ls=dash,
                marker=marker,
                ms=5,
                label=f"{part} images" if k == 0 else None,
            )
    axes.axvline(TRAINED_AT, color="grey", ls=":", lw=1)
    axes.text(
        TRAINED_AT, axes.get_ylim()[1], " trained here", va="top", fontsize="small", color="grey"
    )
    axes.set(xlabel="readout time T (steps)", ylabel="error", xticks=TIMES)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(
        f"3 states, neighbours only, no self transitions\n{caption(runs, claims)}", fontsize="small"
    )
    report.figure(figure)


if __name__ == "__main__":
    run(main)
