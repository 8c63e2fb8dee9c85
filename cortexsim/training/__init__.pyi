"""The public names of this room, one a line: read by editors, type checkers and lazy_loader."""

from .config import RECIPES as RECIPES
from .config import TrainConfig as TrainConfig
from .network import train_network as train_network
from .trainer import train as train
