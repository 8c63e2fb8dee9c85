"""The public names of this room, one a line: read by editors, type checkers and lazy_loader."""

from .commitment import Commitment as Commitment
from .commitment import commit as commit
from .model import BrainModel as BrainModel
from .model import load as load
from .packaging import package as package
from .scoring import score as score
