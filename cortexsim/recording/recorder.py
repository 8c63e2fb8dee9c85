"""Record a network: stimuli in, one Zarr store out, memory bounded by the batch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from cortexsim.errors import RecordingError
from cortexsim.processes import ALONE, Processes
from cortexsim.progress import bar as progress_bar
from cortexsim.recording.run import Run, first_steps
from cortexsim.recording.settings import DTYPES
from cortexsim.recording.workers import Batch, Key, Sink, Workers
from cortexsim.recording.writer import Writer

SHOWS_S = 0.2  # between two looks at how far all processes are
WARM = 6  # steps before a time is measured


class Recorder(Run):
    """Does a :class:`Run`: batch by batch, into a store or into the hands of who asks."""

    def _record(
        self,
        shown: Mapping[str, Tensor],
        start: int,
        sink: Sink | None = None,
        *,
        steps: int | None = None,
    ) -> Batch:
        """One batch, reduced and converted: ``(populated step, stimulus, ...)`` for each variable.

        A sink gives the arrays to fill. steps: only the first of them.
        """
        steps = self.steps if steps is None else steps
        images = shown["image"]
        limit = torch.finfo(DTYPES[self.settings.dtype]).max
        store: dict[Key, Tensor] = {
            (v.group, v.name): torch.empty(
                (sum(v.populated[:steps]), len(images), *v.shape), dtype=DTYPES[v.dtype]
            )
            for v in self.variables
            if sink is None or v.name != "activation"
        }
        if sink is not None:
            store |= {
                (group, "activation"): torch.from_numpy(a)
                for group, a in sink.place(start, len(images)).items()
            }
        filled = dict.fromkeys(store, 0)
        for step, maps in self._maps(shown, steps):
            for key, value in maps.items():
                group = key[0].removeprefix("drive/")
                kept = value if group == "readout" else self.reducers[group].apply(value)
                if not bool((kept.abs().amax() <= limit).item()):
                    raise RecordingError(
                        f"{group} at step {step}, stimuli {start}-{start + len(images) - 1}: a "
                        f"value is not finite or beyond {limit:g}, the largest "
                        f"{self.settings.dtype}; "
                        + (
                            "use `dtype='float32'`"
                            if self.settings.dtype == "float16"
                            else "are the weights sound?"
                        )
                    )
                store[key][filled[key]].copy_(kept)  # layout and dtype in one pass
                filled[key] += 1
        return {key: value.numpy() for key, value in store.items()}

    def seconds_per_image(self) -> float:
        """Measured on one small batch of grey images (the first is not counted).

        Of a long run the first steps are measured, once all of them and once half: what the
        second half takes, all later ones are taken to take.
        """
        tried = first_steps(self.net, self.steps)
        whole = self._seconds(tried)
        if tried < self.steps:
            half = tried // 2
            each = max(0.0, whole - self._seconds(half)) / (tried - half)
            whole += (self.steps - tried) * (each or whole / tried)
        return whole

    def _seconds(self, steps: int) -> float:
        """Of an image and these steps."""
        n = min(self.settings.batch_size, 16)
        grey = self.showing.grey(n)
        with torch.inference_mode():
            self._record(grey, 0, steps=min(steps, WARM))
            began = time.perf_counter()
            self._record(grey, 0, steps=steps)
        return (time.perf_counter() - began) / n

    def run(
        self,
        path: Path,
        stimuli_sha256: str,
        *,
        resume: bool = False,
        overwrite: bool = False,
        progress: bool = True,
        processes: Processes = ALONE,
    ) -> Path:
        """Record into a store, from the last committed batch on.

        What is committed is verified first, and recorded again where it is damaged.

        Parameters
        ----------
        path : Path
            The store.
        stimuli_sha256 : str
            Of the stimuli, see :func:`cortexsim.stimuli.images.check`.
        resume : bool
            Continue what is there.
        overwrite : bool
            Replace what is there.
        progress : bool
            Whether to show a bar; of several processes the first one shows it.
        processes : Processes
            Who records into this store together: each takes the next batch that nobody makes yet.

        Returns
        -------
        Path
            The path.
        """
        writer = Writer(
            path,
            self.plan(stimuli_sha256),
            resume=resume,
            overwrite=overwrite,
            processes=processes,
        )
        bar = progress_bar(
            total=len(self.stimuli),
            initial=writer.stimuli_written,
            unit="images",
            doing="recording",
            shown=progress and processes.first,
        )

        shown = time.monotonic()

        def show(*, now: bool = False) -> None:
            nonlocal shown
            if not bar.disable and (now or time.monotonic() - shown > SHOWS_S):
                bar.update(writer.stimuli_written - bar.n)
                shown = time.monotonic()

        with bar:
            with writer:
                for starts in writer.rounds(show):
                    for start, batch in self.batches(starts, progress=False):
                        writer.put(start, batch)
                        show()
            show(now=True)
        return path

    def batches(
        self,
        starts: Iterable[int] | None = None,
        *,
        progress: bool = True,
        doing: str = "recording",
        sink: Sink | None = None,
    ) -> Iterator[tuple[int, Batch]]:
        """The recording, batch by batch in order.

        Parameters
        ----------
        starts : iterable of int, optional
            The first stimulus of each batch, looked up when one is begun; default all.
        progress : bool
            Whether to show a bar.
        doing : str
            What the bar says.
        sink : Sink, optional
            Takes each batch on the core that made it.

        Yields
        ------
        int, Batch
            The number of the first stimulus, and what each variable holds of the batch.
        """

        def make(start: int, stop: int) -> Batch:
            with torch.inference_mode():
                return self._record(self.showing.trials(start, stop), start, sink)

        workers = Workers.of(self.device, alone=not self.net.thread_safe)
        total, size = len(self.stimuli), self.settings.batch_size
        if starts is None:
            starts = range(0, total, size)
        bar = progress_bar(
            total=total,
            initial=starts.start if isinstance(starts, range) else 0,
            unit="images",
            doing=doing,
            shown=progress,
        )
        with bar:
            for start, batch in workers.in_order(
                make, ((s, min(s + size, total)) for s in starts), sink=sink
            ):
                yield start, batch
                bar.update(min(size, total - start))
