"""Figure 9 of the memo: 3 and 4 states, fully connected or neighbours only (T = 5).

The memo's best net is among the 3-state ones (7.47 % test error). At T = 5 no feedback transition of the adjacent 4-state net is live.

What comes out (budget cpu: 2,000 images of 16 x 16 pixels, 4 epochs, one seed; too little to decide): with statistics estimated anew, test errors full
against adjacent are 68.1 and 69.2 % (3 states), 78.2 and 77.9 % (4 states), sampling error 1.3 to 1.5 % each. The 3-state nets, with 12 and 21 times the
parameters, are ahead of the 4-state ones (by 6.7 and 6.9 %, with the statistics that training left).

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N). Outputs: fig09_states_and_connections.png, .pdf and .json; the runs
in runs/.
Run time: --budget smoke 20 s and cpu half an hour on one core of an AMD EPYC; paper: measured and said before it begins.

    python analyses/fig09_states_and_connections.py --budget cpu --out figures
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.curves import TrainingFigure
from shared.runs import Wanted

from cortexsim.cli import run

FIGURE = TrainingFigure(
    "fig09_states_and_connections",
    "Memo, Figure 9: 3- and 4-state nets, full and adjacent; the best 3-state net reaches 7.47 % test error (it does not say which).",
    panels={
        "3 states, T = 5": {
            "3 states, full": Wanted.of("rnn3-full"),
            "3 states, adjacent": Wanted.of("rnn3-adjacent"),
        },
        "4 states (small), T = 5": {
            "4 states, full": Wanted.of("cortex4-full"),
            "4 states, adjacent": Wanted.of("cortex4-adjacent"),
        },
    },
    memo_parameters={
        "3 states, full": 4210186,
        "3 states, adjacent": 3287946,
        "4 states, full": 351970,
        "4 states, adjacent": 154958,
    },
    better=(
        ("3 states, full", "4 states, full"),
        ("3 states, adjacent", "4 states, adjacent"),
        ("4 states, full", "4 states, adjacent"),
    ),
    memo_error={"3 states, full": 0.0747, "3 states, adjacent": 0.0747},
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, compare, draw."""
    return FIGURE.main(arguments, __doc__)


if __name__ == "__main__":
    run(main)
