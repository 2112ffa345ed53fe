"""The demo's problem: its cities, the check of its answer, and a drawing of it."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from control_plane_server.cli.demo.errors import DemoFailed

BEST_KNOWN_LENGTH = 10_628
ACCEPTED_EXCESS = 0.10  # of the best known length

City = tuple[int, int]
_WIDTH = 800
_MARGIN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """A round trip, checked: every city once, its length reckoned anew."""

    cities: tuple[City, ...]
    length: int

    @property
    def excess(self) -> float:
        """How far above the best known length, as a fraction of it."""
        return self.length / BEST_KNOWN_LENGTH - 1


class TourClaim(BaseModel):
    """The result of the example's function: the cities' numbers from 1 in the order of the trip, and its length."""

    tour: list[int]
    length: int


def read_cities(path: Path) -> list[City]:
    with path.open(newline="") as file:
        return [(int(row["x"]), int(row["y"])) for row in csv.DictReader(file)]


def check_tour(claim: TourClaim, cities: list[City]) -> Tour:
    """Raises DemoFailed if the claim is no round trip, is misjudged or is a long one."""
    if sorted(claim.tour) != list(range(1, len(cities) + 1)):
        raise DemoFailed("the result is no round trip: it does not visit every city once")
    trip = tuple(cities[number - 1] for number in claim.tour)
    length = sum(_distance(trip[i - 1], trip[i]) for i in range(len(trip)))
    if length != claim.length:
        raise DemoFailed(f"the tour is {length:,} long, not {claim.length:,} as its function says")
    tour = Tour(cities=trip, length=length)
    if tour.excess > ACCEPTED_EXCESS:
        raise DemoFailed(f"the tour is {length:,} long: more than {ACCEPTED_EXCESS:.0%} above the best known")
    return tour


def draw(tour: Tour) -> str:
    """An SVG picture of the tour."""
    left, low = min(x for x, _ in tour.cities), min(y for _, y in tour.cities)
    right, high = max(x for x, _ in tour.cities), max(y for _, y in tour.cities)
    scale = (_WIDTH - 2 * _MARGIN) / (right - left)
    height = round((high - low) * scale) + 2 * _MARGIN
    points = [(_MARGIN + (x - left) * scale, height - _MARGIN - (y - low) * scale) for x, y in tour.cities]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "\n".join(f'  <circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#b91c1c"/>' for x, y in points)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}">
  <title>att48: a round trip of length {tour.length:,}</title>
  <rect width="100%" height="100%" fill="white"/>
  <polygon points="{line}" fill="none" stroke="#1d4ed8" stroke-width="2" stroke-linejoin="round"/>
{dots}
</svg>
"""


def _distance(a: City, b: City) -> int:
    """TSPLIB's pseudo-Euclidean distance (ATT)."""
    exact = math.sqrt(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) / 10)
    nearest = math.floor(exact + 0.5)
    return nearest + 1 if nearest < exact else nearest
