"""What the readers of others' texts promise holds for all that was ever found, and for a few changes of each seed.

The long hunt is `make fuzz`, by coverage; here the same readers read a bounded number of inputs, the same each time.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.fuzz.readers import READERS, ReachedOutError, watched
from tests.fuzz.seeds import seeds_of
from tests.fuzz.words import LONGEST, WORDS

CHANGES = 60  # of each reader's seeds
WITHIN = 10.0  # seconds of this thread's own time on the processor, for one input


def changed(seed: bytes, words: list[bytes], chance: random.Random) -> bytes:
    """Change a text in one to four places, as a fuzzer does: cut, doubled, replaced, a word put in."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(seed) + 1)
        until = min(len(seed), at + chance.randint(0, 40))
        part = chance.choice(
            [b"", seed[at:until] * chance.randint(2, 50), chance.randbytes(chance.randint(1, 4)), chance.choice(words)]
        )
        seed = (seed[:at] + part + seed[until:])[:LONGEST]
    return seed


@pytest.mark.parametrize("name", READERS)
def test_a_reader_keeps_its_promises(name: str) -> None:
    """Given seeds, all that was found before, and changes of them, then each is read or refused, and soon."""
    words = [word.encode() for word in WORDS[name].split("|")]
    seeds = seeds_of(name)
    chance = random.Random(f"phin {name}")
    for data in [*seeds, *(changed(chance.choice(seeds), words, chance) for _ in range(CHANGES))]:
        began = time.thread_time()
        try:
            READERS[name](data)
        except Exception as error:
            raise AssertionError(f"{name} does not keep its promise for {data!r}") from error
        assert time.thread_time() - began < WITHIN, f"{name} takes too long for {data!r}"


def test_the_watch_on_templates_sees_what_reaches_out() -> None:
    """Given a template's rendering that opened a file, then the reader of templates would say so."""
    with pytest.raises(ReachedOutError), watched():
        Path("/etc/hostname").read_text()
