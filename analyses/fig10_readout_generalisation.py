"""Figure 10 of the memo: a net trained at readout time 10 and read out at 6 to 15.

What comes out (budget cpu: 2,000 images of 16 x 16 pixels, 4 epochs, one seed; too little to decide): the test error is 71.1 % at the trained time,
72.6 % at 6, 70.6 to 71.8 % from 7 to 15: it hardly depends on the readout time (sampling error 1.4 %).

How: the 3-state net with transitions between neighbours only and no self transitions, input at every step (without it the third state would be
populated at odd steps only; the memo does not say so). The normalisation statistics of all steps are estimated on training images, those of the trained
time too, so that all are treated alike (errors with those that training left there: test_error_by_readout in the JSON).

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N). Outputs: fig10_readout_generalisation.png, .pdf and .json; the run
in runs/.
Run time: --budget smoke 15 s on one core of an AMD EPYC; others: measured and said before it begins.

    python analyses/fig10_readout_generalisation.py --budget cpu --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.common import Report
from shared.curves import caption, source, spread, stated
from shared.runs import Runs, RunsConfig, Trained, Wanted, errors_at

from cortexsim.cli import parse, run

TRAINED_AT = 10
TIMES = tuple(range(6, 16))
IN_MEMO = (6, 7, 8, 9, 10, 11, 12, 15)
NET = Wanted.of("rnn3-generalize", calibrate_to=TIMES[-1])
CLAIM = "Memo, Figure 10: a net trained at readout time 10 degrades gracefully when it is read out at 6 to 15."


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, read out, draw."""
    config = parse(
        RunsConfig, arguments, "python analyses/fig10_readout_generalisation.py", __doc__ or ""
    )
    runs = Runs(config)
    trained = runs.get([NET])[NET]
    report = Report("fig10_readout_generalisation", config, CLAIM)
    errors = {
        part: [errors_at(t, runs, part, TIMES) for t in trained] for part in ("train", "test")
    }
    draw(report, errors, runs)
    report.numbers([source(runs)], results(trained, errors, runs))
    return 0


def results(
    trained: list[Trained], errors: dict[str, list[dict[int, float]]], runs: Runs
) -> dict[str, Any]:
    """Errors by readout time over seeds, and how much each differs from that at the trained time."""
    at = {part: {t: spread([e[t] for e in seeds]) for t in TIMES} for part, seeds in errors.items()}
    more = {t: spread([e[t] - e[TRAINED_AT] for e in errors["test"]]) for t in TIMES}
    return {
        **stated(runs),
        "trained_at": TRAINED_AT,
        "readout_times_of_the_memo": list(IN_MEMO),
        "error_by_readout_time": at,
        "test_error_less_that_at_the_trained_time": more,
        "runs": [t.summary() for t in trained],
    }


def draw(report: Report, errors: dict[str, list[dict[int, float]]], runs: Runs) -> None:
    """Training and test error against the readout time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
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
        f"3 states, neighbours only, no self transitions\n{caption(runs)}", fontsize="small"
    )
    report.figure(figure)


if __name__ == "__main__":
    run(main)
