"""The training command under torchrun, which ends by itself in a chosen step.

No test has to be quick enough to catch it.

``torchrun ending_together.py WHAT STEP FOLDER ARGUMENTS...``: before that step the process of rank
``WHAT`` (0 or 1) kills itself; ``TERM``: the first process asks torchrun to end, as a user does,
and goes on when torchrun has passed that on. Every process leaves a file in ``FOLDER``, named
after its id.
"""

import os
import signal
import sys
import time
from pathlib import Path

from cortexsim.cli import run
from cortexsim.train import main
from cortexsim.training.session import Session

if __name__ == "__main__":
    what, at = sys.argv[1], int(sys.argv[2])
    (Path(sys.argv[3]) / str(os.getpid())).touch()
    advance = Session._advance

    def ending(self, index):
        if self.step == at and what == os.environ["RANK"]:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.step == at and what == "TERM" and self.world.first:
            os.kill(os.getppid(), signal.SIGTERM)
            while not self.stop_asked:
                time.sleep(0.01)
        return advance(self, index)

    Session._advance = ending
    run(lambda: main(sys.argv[4:]))
