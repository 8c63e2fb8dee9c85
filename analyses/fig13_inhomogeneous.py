"""Figure 13 of the memo: 3-state nets with the image at step 1 only, or at every step (inhomogeneous).

The adjacent 3-state net with both kinds of input, beside the full one (T = 5). The memo shows that the three are close; it claims no order.

What comes out (budget cpu: 2,000 images of 16 x 16 pixels, 4 epochs, one seed; too little to decide): the three are close here, too. With statistics
estimated anew, test errors are 68.1 % (full), 69.2 % (adjacent) and 70.7 % (adjacent, inhomogeneous), sampling error 1.5 % each; with those that training
left, 71.5, 70.9 and 71.6 %.

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N). Outputs: fig13_inhomogeneous.png, .pdf and .json; the runs in runs/.
Run time: --budget smoke 15 s and cpu half an hour on one core of an AMD EPYC; paper: measured and said before it begins.

    python analyses/fig13_inhomogeneous.py --budget cpu --out figures
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.curves import TrainingFigure
from shared.runs import Wanted

from cortexsim.cli import run

FIGURE = TrainingFigure(
    "fig13_inhomogeneous",
    "Memo, Figure 13: an inhomogeneous 3-state net performs like homogeneous ones.",
    panels={
        "3 states, T = 5": {
            "full": Wanted.of("rnn3-full"),
            "adjacent": Wanted.of("rnn3-adjacent"),
            "adjacent, inhomogeneous": Wanted.of("rnn3-adjacent-inhomogeneous"),
        }
    },
    memo_parameters={"full": 4210186, "adjacent": 3287946, "adjacent, inhomogeneous": 3287946},
    better=(("adjacent, inhomogeneous", "adjacent"),),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, compare, draw."""
    return FIGURE.main(arguments, __doc__)


if __name__ == "__main__":
    run(main)
