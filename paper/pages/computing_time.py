"""How long stored results took to compute, and so what computing them again would take."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import pandas as pd

from infomax_lib.results.store import Store
from infomax_lib.stats import format_number


def computing_seconds(store: Store, kind: str, keys: Iterable[str]) -> dict[str, float]:
    """Seconds behind rows of one kind, by device; those of a CPU are seconds of one core.

    Rows of a file share its time equally. Threads count as busy all the time, whether they were or
    not. Keys that the store's files do not hold add nothing.

    Args:
        store: Where the rows are.
        kind: Of results, a subfolder of the store.
        keys: Of the rows.
    """
    names = Counter(store.source_names(kind, keys).values())
    spent: dict[str, float] = defaultdict(float)
    for info in store.files(kind):
        facts = info.metadata
        if info.path.name in names and "seconds" in facts:
            cores = facts["threads"] if facts["device"] == "cpu" else 1
            share = names[info.path.name] / info.rows
            spent[facts["device"]] += share * cores * facts["seconds"]
    return dict(spent)


def computing_words(store: Store, kinds: Sequence[str], tables: Sequence[pd.DataFrame]) -> str:
    """What the results of these tables took to compute, in a sentence.

    Args:
        store: Where they are.
        kinds: Of results that are counted.
        tables: Tables with a column ``key``; rows in several of them count once.
    """
    keys = set().union(*(table["key"] for table in tables))
    total: dict[str, float] = defaultdict(float)
    for kind in kinds:
        for device, seconds in computing_seconds(store, kind, keys).items():
            total[device] += seconds / 3600
    parts = [
        f"{format_number(hours)} h of {'one CPU core' if device == 'cpu' else device}"
        for device, hours in sorted(total.items())
    ]
    return f"What is shown here took {' and '.join(parts) or 'no time on record'} to compute."
