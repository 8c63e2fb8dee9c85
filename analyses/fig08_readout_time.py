"""Figure 8 of the memo: the error falls with the readout time T = 2, 3, 5, 10.

The 2-state fully recurrent net (weights shared), trained and tested at each readout time. Parameters grow with T because transitions that cannot
reach the readout in time own none (liveness).

What comes out (budget cpu: 2,000 images of 16 x 16 pixels, 4 epochs, one seed; too little to decide): the claim is not seen. The training error falls
with T (72.2, 70.0, 70.0, 69.4 %), the test error does not: 75.4, 77.1, 73.7, 74.6 % with the statistics that training left, 70.4, 70.5, 70.9, 71.3 %
with statistics estimated anew (sampling error 1.4 % each).

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N). Outputs: fig08_readout_time.png, .pdf and .json; the runs in runs/.
Run time: --budget smoke 10 s and cpu 11 min on one core of an AMD EPYC; paper: measured and said before it begins.

    python analyses/fig08_readout_time.py --budget cpu --out figures
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.curves import TrainingFigure
from shared.runs import Wanted

from cortexsim.cli import run

FIGURE = TrainingFigure(
    "fig08_readout_time",
    "Memo, Figure 8: consistent improvement of the 2-state fully recurrent net as its readout time grows from 2 to 10.",
    panels={
        "2-state fully recurrent net": {
            f"T = {t}": Wanted.of(name)
            for t, name in ((2, "rnn2-t2"), (3, "rnn2-t3"), (5, "rnn2-t5"), (10, "rnn2"))
        }
    },
    memo_parameters={"T = 2": 76426, "T = 3": 224138, "T = 5": 297994, "T = 10": 297994},
    better=(("T = 3", "T = 2"), ("T = 5", "T = 3"), ("T = 10", "T = 5"), ("T = 10", "T = 2")),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, compare, draw."""
    return FIGURE.main(arguments, __doc__)


if __name__ == "__main__":
    run(main)
