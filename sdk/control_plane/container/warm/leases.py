"""What a warm container is told when it asks what is next."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple


class Lease(NamedTuple):
    """The right, and the order, to run one launch of an execution. `token`: of this launch. `takes_report`: with the
    next question, in place of a request of its own."""

    invocation_id: str
    execution_id: str
    launch: int
    token: str
    traceparent: str | None
    takes_report: bool

    def names(self) -> Dict[str, Any]:
        """As the API wants it."""
        return {"execution_id": self.execution_id, "launch": self.launch}

    def ended(self, exit_code: int) -> Dict[str, Any]:
        return {**self.names(), "exit_code": exit_code}


class Next(NamedTuple):
    """`must_stop`: the execution that runs. `is_end`: the container's."""

    lease: Lease | None
    must_stop: bool
    is_end: bool

    @classmethod
    def of_document(cls, document: Any) -> Next:
        lease = document["lease"]
        fields = ("invocation_id", "execution_id", "launch", "token")
        return cls(
            lease=(
                None
                if lease is None
                else Lease(
                    **{field: lease[field] for field in fields},
                    traceparent=lease.get("traceparent"),
                    takes_report=lease.get("takes_report", False),  # a control plane of an earlier release does not
                )
            ),
            must_stop=document["stop"],
            is_end=document["end"],
        )
