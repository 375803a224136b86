"""All tests of a shop, in this process or spread over several; those of one flow stay together."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import Synchronized

from worker.domain.errors import PhinError
from worker.domain.flow_tests import FlowTest
from worker.rehearsal.comparing import Verdict, judge
from worker.rehearsal.coverage import Reached
from worker.rehearsal.flow_tests import play
from worker.rehearsal.world import ShopFiles, World

PORTION = 20  # tests that a process takes at a time
WORTH_A_PROCESS = 30  # tests; a process of its own costs as much as some of them

Portion = tuple[FlowTest, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one test, and what its journeys came to."""

    verdict: Verdict
    reached: Reached


def run_all(files: ShopFiles, tests: Sequence[FlowTest], jobs: int) -> Iterator[Result]:
    """Play tests; yields what came of each as it comes.

    Parameters:
        jobs: processes that share the work, at most; few tests are played by this one.

    Raises:
        PhinError: a process died.
    """
    portions = list(_portions(tests))
    jobs = min(jobs, len(portions), len(tests) // WORTH_A_PROCESS)
    if jobs < 2 or "fork" not in multiprocessing.get_all_start_methods():
        with _world(files) as world:
            for portion in portions:
                yield from _run(world, portion)
        return
    forking = multiprocessing.get_context("fork")  # what was read is there in each process, and need not be told
    taken = forking.Value("i", 0)
    processes = {}
    try:
        for _ in range(jobs):
            told, telling = forking.Pipe(duplex=False)
            process = forking.Process(target=_work, args=(files, portions, taken, telling), daemon=True)
            process.start()
            telling.close()
            processes[told] = process
        left = set(processes)
        while left:
            for one in wait(left):
                assert isinstance(one, Connection)
                try:
                    yield one.recv()
                except EOFError:
                    left.discard(one)
                    processes[one].join()
                    if processes[one].exitcode:
                        raise PhinError("a process that played tests died; -j 1 plays them in this one") from None
    finally:
        for process in processes.values():
            process.terminate()
            process.join()


@contextmanager
def _world(files: ShopFiles) -> Iterator[World]:
    """Make a world. What is there by then stays: the collector of circles leaves it out until the world is closed."""
    with closing(World(files)) as world:
        gc.collect()
        gc.freeze()
        try:
            yield world
        finally:
            gc.unfreeze()


def _portions(tests: Sequence[FlowTest]) -> Iterator[Portion]:
    """Yield tests of the same flows together, so that they are seldom published anew."""

    def flows(test: FlowTest) -> tuple[str, tuple[str, ...]]:
        return test.flow, test.beside

    for _, of_flows in groupby(sorted(tests, key=flows), key=flows):
        together = tuple(of_flows)
        for start in range(0, len(together), PORTION):
            yield together[start : start + PORTION]


def _work(files: ShopFiles, portions: Sequence[Portion], taken: Synchronized[int], telling: Connection) -> None:
    """Play portions until none is left: a process of its own, which its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # by way of what is to be closed
    with closing(telling), _world(files) as world:
        while True:
            with taken.get_lock():
                number = taken.value
                taken.value += 1
            if number >= len(portions):
                return
            for result in _run(world, portions[number]):
                telling.send(result)


def _run(world: World, portion: Portion) -> Iterator[Result]:
    """Play tests one after another.

    The collector of circles waits until the portion is played: it would walk, again and again, through what stays.
    """
    gc.collect()
    gc.disable()
    try:
        for test in portion:
            played = play(world, test)
            verdict = judge(test, played)
            pairs = [
                replace(pair, seen=replace(pair.seen, mail=None)) if pair.seen is not None else pair
                for pair in verdict.pairs
            ]
            yield Result(replace(verdict, pairs=tuple(pairs)), played.reached)
    finally:
        gc.enable()
