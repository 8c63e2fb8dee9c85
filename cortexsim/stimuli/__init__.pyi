"""The public names of this room, one a line: read by editors, type checkers and lazy_loader."""

from .datasets import ImageSet as ImageSet
from .datasets import load_images as load_images
from .distortions import distorted as distorted
from .forms import backward_mask as backward_mask
from .forms import flash as flash
from .forms import forward_mask as forward_mask
from .forms import read_presentation as read_presentation
from .forms import rsvp as rsvp
from .images import Stimuli as Stimuli
from .images import load_stimuli as load_stimuli
from .images import sample as sample
from .masks import MASKS as MASKS
from .masks import mask as mask
from .presentation import Event as Event
from .presentation import Presentation as Presentation
from .screen import in_words as in_words
from .screen import on_screen as on_screen
from .texture import texture_mask as texture_mask
from .trials import Masker as Masker
