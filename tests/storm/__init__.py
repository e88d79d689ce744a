"""Everything at once: flaky guests, a server that is killed again and again, an Immich that fails.

`make storm` runs the long form; the short one is among the everyday tests. What happens is drawn
from a seed, which is printed: `pytest tests/storm --seed 7` draws the same again.

    doors    where they come in: at `/`, or by links of two users
    guests   who brings which files, in which way, and what they were promised
    weather  what goes wrong meanwhile
    census   what must be true when it is over
"""
