"""Round trips through att48's cities: distances, lengths, and their improvement by simulated annealing."""

import csv
import math
import random
from pathlib import Path

BEST_KNOWN_LENGTH = 10_628

Distances = list[list[int]]


def read_cities(path: Path) -> list[tuple[int, int]]:
    with path.open(newline="") as file:
        return [(int(row["x"]), int(row["y"])) for row in csv.DictReader(file)]


def distance(a: tuple[int, int], b: tuple[int, int]) -> int:
    """TSPLIB's pseudo-Euclidean distance (ATT): the scaled distance, rounded so that it is never too short."""
    scaled = math.sqrt(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) / 10)
    nearest = math.floor(scaled + 0.5)
    return nearest + 1 if nearest < scaled else nearest


def distances_between(cities: list[tuple[int, int]]) -> Distances:
    return [[distance(a, b) for b in cities] for a in cities]


def length(tour: list[int], distances: Distances) -> int:
    """The length of the round trip; a tour is a permutation of the cities' indices."""
    return sum(distances[tour[i - 1]][tour[i]] for i in range(len(tour)))


def anneal(tour: list[int], distances: Distances, *, steps: int, temperature: float, seed: int) -> list[int]:
    """The best tour met in `steps` random moves, each reversing a stretch (2-opt) or moving one (or-opt).

    The temperature, in units of length, falls geometrically to a hundredth of what it was.
    """
    chance = random.Random(seed)
    current, current_length = list(tour), length(tour, distances)
    best, best_length = list(current), current_length
    cooling = 0.01 ** (1 / max(steps, 1))
    for _ in range(steps):
        temperature *= cooling
        allowance = -temperature * math.log(1 - chance.random())
        move = _reversal if chance.random() < 0.5 else _relocation
        current_length += move(current, distances, chance, allowance)
        if current_length < best_length:
            best, best_length = list(current), current_length
    return best


def _reversal(tour: list[int], distances: Distances, chance: random.Random, allowance: float) -> int:
    """Reverse tour[i:j] unless it lengthens the tour by more than the allowance. The change in length."""
    i, j = sorted((int(chance.random() * len(tour)), int(chance.random() * len(tour))))
    before, first, last, after = tour[i - 1], tour[i], tour[j - 1], tour[j]
    if j - i < 2:
        return 0
    change = distances[before][last] + distances[first][after] - distances[before][first] - distances[last][after]
    if change > allowance:
        return 0
    tour[i:j] = tour[i:j][::-1]
    return change


def _relocation(tour: list[int], distances: Distances, chance: random.Random, allowance: float) -> int:
    """Move a stretch of one to three cities elsewhere, either way round, under the same condition."""
    size, count = len(tour), 1 + int(chance.random() * 3)
    i = int(chance.random() * (size - count))
    stretch, before, after = tour[i : i + count], tour[i - 1], tour[i + count]
    if chance.random() < 0.5:
        stretch.reverse()
    j = int(chance.random() * size)
    if i - 1 <= j < i + count or (i == 0 and j == size - 1):
        return 0
    left, right = tour[j], tour[(j + 1) % size]
    removed = distances[before][tour[i]] + distances[tour[i + count - 1]][after] + distances[left][right]
    change = distances[before][after] + distances[left][stretch[0]] + distances[stretch[-1]][right] - removed
    if change > allowance:
        return 0
    del tour[i : i + count]
    target = j + 1 if j < i else j + 1 - count
    tour[target:target] = stretch
    return change
