"""Figure 7 of the memo: CIFAR-10 with 9,460 and 39,754 parameters, one convolution for all layers.

3-state ResNets (T = 12) in which one 3 x 3 convolution serves every layer of every state, with 30 and 64 features; max-pooling hands over at steps 4
and 8. The memo trains them for 140 epochs (paper budget); the smaller budgets give them twice the epochs of other nets.

What comes out (budget cpu: 2,000 images of 16 x 16 pixels, 8 epochs, one seed): both learn (chance is 90 % error). 9,460 parameters end at 66.7 %
training error, 39,754 at 58.5 %; test errors 71.1 and 62.5 %, with statistics estimated anew 67.9 and 65.6 % (sampling error 1.5 % each).

Inputs: CIFAR-10 (downloaded by torchvision, or --data FILE.npz --train-count N). Outputs: fig07_few_parameters.png, .pdf and .json; the runs in
runs/.
Run time: --budget smoke 10 s and cpu 3 min on one core of an AMD EPYC; paper: measured and said before it begins.

    python analyses/fig07_few_parameters.py --budget cpu --out figures
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.curves import TrainingFigure
from shared.runs import Wanted

from cortexsim.cli import run

FIGURE = TrainingFigure(
    "fig07_few_parameters",
    "Memo, Figure 7: nets with 9,460 and 39,754 parameters still learn CIFAR-10.",
    panels={
        "one convolution for all layers, T = 12": {
            "30 features": Wanted.of("tiny30", longer=2),
            "64 features": Wanted.of("tiny64", longer=2),
        }
    },
    memo_parameters={"30 features": 9460, "64 features": 39754},
    better=(("64 features", "30 features"),),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, compare, draw."""
    return FIGURE.main(arguments, __doc__)


if __name__ == "__main__":
    run(main)
