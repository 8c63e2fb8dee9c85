"""Brain-Score: networks as its subjects, submissions, scores.

The only room that imports ``brainscore_*``. It runs where Brain-Score runs (Python >= 3.11,
numpy < 2, xarray < 2022.6; ``make brainscore`` creates such an environment). Packaging needs files
only and runs anywhere: the public names stand in ``__init__.pyi``, one a line, and are imported
when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
