"""So many rows of each domain, chosen within it."""

from enum import StrEnum
from typing import ClassVar

import numpy as np
from pydantic import Field

from app.curation.selectors.base import Pool, Rows, Selector
from app.curation.selectors.temperature import Temperature, TopK


class Share(StrEnum):
    """How seats go to domains."""

    PROPORTIONAL = "proportional"
    EQUAL = "equal"


class Quota(Selector):
    """Each domain gets its share of the rows, and within it the best ones (or a draw) are taken.

    A score alone shifts the mix of topics; quotas keep it (WebOrganizer, arXiv 2502.10341).
    """

    key: ClassVar = "quota"
    title: ClassVar = "Quota per domain"
    share: Share = Field(Share.PROPORTIONAL, description="In proportion to the pool, or all alike.")
    tau: float | None = Field(
        None, ge=1e-6, le=1e9, description="Draw at this temperature; none: take the best."
    )

    def select(self, pool: Pool, count: int, seed: int = 0) -> Rows:
        """Give seats to domains, then choose within each."""
        rows = pool.scored()
        _, domain = np.unique([pool.domains[row] or "" for row in rows], return_inverse=True)
        sizes = np.bincount(domain)
        inner: Selector = TopK() if self.tau is None else Temperature(tau=self.tau)
        chosen = []
        for number, quota in enumerate(self._seats(sizes, min(count, len(rows))).tolist()):
            mine = rows[domain == number]
            own = Pool(pool.scores[mine], [None] * len(mine))
            chosen.append(mine[inner.select(own, quota, seed + number)])
        return np.sort(np.concatenate(chosen)) if chosen else rows

    def _seats(self, sizes: Rows, count: int) -> Rows:
        """Seats per domain by the largest remainders; what a domain can't fill goes to others."""
        seats = np.zeros(len(sizes), np.intp)
        while (left := count - int(seats.sum())) > 0:
            room = sizes - seats
            weights = room if self.share is Share.PROPORTIONAL else (room > 0).astype(np.intp)
            exact = weights * (left / weights.sum())
            more = np.floor(exact).astype(np.intp)
            rest = left - int(more.sum())
            more[np.argsort(more - exact, kind="stable")[:rest]] += 1
            seats += np.minimum(more, room)
        return seats
