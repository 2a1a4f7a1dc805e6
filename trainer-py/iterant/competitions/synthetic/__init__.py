"""The six synthetic competitions, in the order in which environments name them."""

from iterant.competitions.spec import Synthetic
from iterant.competitions.synthetic.authors import AUTHORS_COMPETITION
from iterant.competitions.synthetic.conductors import CONDUCTORS
from iterant.competitions.synthetic.glyphs import GLYPHS
from iterant.competitions.synthetic.insults import INSULTS
from iterant.competitions.synthetic.pizza import PIZZA
from iterant.competitions.synthetic.toxic import TOXIC

SYNTHETIC: dict[str, Synthetic] = {
    one.id: one for one in (INSULTS, AUTHORS_COMPETITION, PIZZA, CONDUCTORS, TOXIC, GLYPHS)
}
