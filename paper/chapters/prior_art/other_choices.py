"""The comparison under other choices that the chapter measures anyway: a second dataset, and cost.

What claims say of methods in general is asked again of the tables of the second dataset, and of
those of both at equal cost instead of equal epochs. Experiments that the chapter made on one
dataset alone are not among them.
"""

from collections.abc import Mapping

import pandas as pd

from paper.chapters.prior_art.tables import pruning_table, with_assessment
from paper.judging.evidence import Evidence
from paper.judging.universes import Universe


def other_choices(
    tables: Mapping[str, pd.DataFrame],
    cheap: Mapping[str, pd.DataFrame],
    assessed: Mapping[str, pd.DataFrame],
    home: str,
    setting: Mapping[str, int],
) -> list[Universe]:
    """Universes for the rules of this chapter.

    Args:
        tables: All methods by dataset, after equal epochs.
        cheap: The same at equal cost.
        assessed: What goes beyond the probe, by dataset.
        home: The dataset that the verdicts are on.
        setting: ``hidden_dim`` and ``epochs``.
    """
    measured = {
        (name, "equal epochs"): {
            "baselines": with_assessment(table, assessed[name]),
            "pruning": pruning_table(assessed[name]),
            "factors": assessed[name],
        }
        for name, table in tables.items()
        if name != home
    }
    measured |= {(name, "equal cost"): {"baselines": table} for name, table in cheap.items()}
    return [
        Universe(
            dataset=name,
            hidden_dim=setting["hidden_dim"],
            seeds=f"{min(extra['baselines']['seed'])} to {max(extra['baselines']['seed'])}",
            epochs=setting["epochs"],
            form=budget,
            evidence=Evidence(pd.DataFrame(), extra=extra, base={**setting, "dataset": name}),
        )
        for (name, budget), extra in measured.items()
    ]
