"""The public names of this room, one a line: read by editors, type checkers and lazy_loader."""

from .config import Settings as Settings
from .network import train_network as train_network
from .recipes import RECIPES as RECIPES
from .run import Run as Run
from .trainer import train as train
