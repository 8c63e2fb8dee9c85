"""A cluster of dask on this machine, for tests."""

import contextlib
import warnings


@contextlib.contextmanager
def cluster(workers=1, *, processes=False):
    """The client of workers with one thread each; what they are sent is always pickled."""
    import distributed

    with warnings.catch_warnings():
        # What distributed warns about while it starts and stops is not ours to judge.
        warnings.simplefilter("ignore")
        options = {
            "n_workers": workers,
            "threads_per_worker": 1,
            "processes": processes,
            "protocol": "tcp",
            "dashboard_address": None,
            "silence_logs": 50,
        }
        with distributed.LocalCluster(**options) as own, distributed.Client(own) as client:
            client.wait_for_workers(workers, timeout=600)
            yield client
