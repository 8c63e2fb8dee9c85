"""The training command, which ends or waits by itself at a chosen step.

No test has to be quick enough to catch it.

``python ending.py WHAT COUNT SECONDS ARGUMENTS...``: once the checkpoint has been written
``COUNT`` times, ``SECONDS`` later, ``KILL`` and ``TERM`` send that signal to this process;
``WAIT`` waits for the end of standard input. ``HOLD``: before step ``COUNT`` it waits until a
signal asks it to stop.
"""

import os
import signal
import sys
import threading
import time

from cortexsim.cli import run
from cortexsim.train import main

if __name__ == "__main__":
    what, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    replace, calls = os.replace, []

    def counted(source, target):
        replace(source, target)
        if str(target).endswith("checkpoint.pt"):
            calls.append(target)
            if len(calls) != count:
                return
            if what == "WAIT":
                sys.stdin.read()
            else:
                signum = {"KILL": signal.SIGKILL, "TERM": signal.SIGTERM}[what]
                threading.Timer(seconds, os.kill, (os.getpid(), signum)).start()

    if what == "HOLD":
        from cortexsim.training.session import Session

        advance = Session._advance

        def held(self, index):
            while self.step == count and not self.stop_asked:
                time.sleep(0.01)
            return advance(self, index)

        Session._advance = held
    else:
        os.replace = counted
    run(lambda: main(sys.argv[4:]))
