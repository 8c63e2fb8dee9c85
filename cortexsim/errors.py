"""The exceptions of cortexsim: each says what was asked, what was found and what to do next."""


class CortexsimError(ValueError):
    """Base of every error that cortexsim raises on purpose."""


class OutputError(CortexsimError, OSError):
    """A file or folder that the system refuses to write."""


class GraphError(CortexsimError):
    """A graph of states and transitions that cannot be built or run."""


class DeadTransitionWarning(UserWarning):
    """A transition of a graph cannot act on what is read out: it has no weights and never runs."""


class DependenceWarning(UserWarning):
    """A module's activations of an image depend on other images, or on chance."""


class JoinedWarning(UserWarning):
    """RDMs of several subjects may have been joined by xarray without regard to their ids."""


class UncheckedWarning(UserWarning):
    """A file of before checksums is read: damage to it would not be noticed."""


class DamageRepairedWarning(UserWarning):
    """Files of an output were damaged, and were written anew."""


class FixedConditionsWarning(UserWarning):
    """A test over subjects holds the conditions fixed: an unrelated model may pass it."""


class ExternalError(CortexsimError):
    """Somebody else's network that cannot be wrapped, or run, as asked."""


class CalibrationError(CortexsimError):
    """Normalisation statistics were asked for at times at which they were never estimated."""


class StimulusError(CortexsimError):
    """Images or tables of images that cannot be used as asked."""


class RecordingError(CortexsimError):
    """A recording that cannot be written, continued or opened as asked."""


class TrainingError(CortexsimError):
    """A training run that cannot start or go on."""


class AnalysisError(CortexsimError):
    """Patterns, RDMs or resamples from which no sound number can be computed as asked."""


class BrainScoreError(CortexsimError):
    """A commitment, recording, task or submission that Brain-Score's interface does not allow."""
