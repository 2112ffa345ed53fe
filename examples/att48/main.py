"""Solves att48: `solve` starts rounds of `anneal` invocations and takes the best tour of each round to the next."""

import random
from pathlib import Path

import control_plane as cp
import tours

CITIES = tours.read_cities(Path(__file__).with_name("att48.csv"))
DISTANCES = tours.distances_between(CITIES)
TEMPERATURE = 300.0  # about the length of a short road: hot enough to undo a bad choice, too cold to start all over


@cp.function(cpus=0.5, max_concurrency=1, retries=1, timeout=300)
def solve(rounds: int = 3, children: int = 4, steps: int = 1_000_000, seed: int = 1):
    """Yields its progress after each child; returns the best tour found."""
    best = None
    for round_number in range(1, rounds + 1):
        started = [
            anneal.submit(
                seed + (round_number - 1) * children + child,
                steps=steps,
                tour=best and best["tour"],
                temperature=TEMPERATURE / round_number,
            )
            for child in range(children)
        ]
        for finished, call in enumerate(cp.as_completed(started), start=1):
            best = min(filter(None, (best, call.result())), key=lambda found: found["length"])
            yield {
                "round": round_number,
                "rounds": rounds,
                "finished": (round_number - 1) * children + finished,
                "children": children,
                "best_length": best["length"],
            }
    above = 100 * (best["length"] / tours.BEST_KNOWN_LENGTH - 1)
    return {**best, "per_cent_above_best_known": round(above, 2)}


@cp.function(cpus=0.5, max_concurrency=4, retries=1, timeout=120)
def anneal(seed: int, steps: int = 1_000_000, tour: "list[int] | None" = None, temperature: float = TEMPERATURE):
    """Improves a tour, given and returned as city numbers from 1; without one it starts from a random tour."""
    indices = [city - 1 for city in tour] if tour else random.Random(seed).sample(range(len(CITIES)), len(CITIES))
    found = tours.anneal(indices, DISTANCES, steps=steps, temperature=temperature, seed=seed)
    return {"length": tours.length(found, DISTANCES), "tour": [index + 1 for index in found]}
