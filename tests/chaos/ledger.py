"""What the suite itself has done and seen: what the control plane's own records are held against."""

from collections import Counter

from control_plane_server.domain.identifiers import InvocationId
from tests.chaos.plan import Target


class Ledger:
    """`accepted`: the invocation of each label that a client was promised. `killed_containers`: executions, or names of
    containers that are reused, whose own process, or whose supervisor, we killed. `resumed`: how many seconds after
    each silence everything moved again.

    `cancelled`: what was accepted of what was `asked_to_cancel`. `has_another_temporal`: one that has lost its state,
    so that no process of ours begins; `forgotten_by_temporal`: what had ended by then."""

    def __init__(self) -> None:
        self.accepted: dict[str, InvocationId] = {}
        self.asked_to_cancel: set[InvocationId] = set()
        self.cancelled: set[InvocationId] = set()
        self.has_another_temporal = False
        self.forgotten_by_temporal: set[InvocationId] = set()
        self.faults: Counter[Target] = Counter()
        self.killed_containers: set[str] = set()
        self.answers: Counter[str] = Counter()
        self.resumed: list[float] = []
        self.violations: list[str] = []

    def accept(self, label: str, invocation_id: InvocationId) -> None:
        first = self.accepted.setdefault(label, invocation_id)
        if first != invocation_id:
            self.violation(f"{label} was answered with {first}, and then with {invocation_id}")

    def violation(self, sentence: str) -> None:
        """Noted once, however often it is seen."""
        if sentence not in self.violations:
            self.violations.append(sentence)
