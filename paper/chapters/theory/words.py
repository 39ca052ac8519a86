"""The identities as the page lists them."""

import numpy as np
import pandas as pd

from infomax_lib.stats import EXACT


def identity_list(checked: pd.DataFrame, section: str) -> str:
    """Identities as Markdown: each statement in words and as a formula, its check beside it.

    Args:
        checked: From :func:`paper.chapters.theory.identities.check_identities`.
        section: Which of them.

    Raises:
        KeyError: There is no such section.
    """
    rows = checked[checked["section"] == section]
    if rows.empty:
        known = ", ".join(checked["section"].unique())
        raise KeyError(f"no section {section} of identities; there are {known}")
    return "\n\n".join(_identity_text(row) for _, row in rows.iterrows())


def _identity_text(row: pd.Series) -> str:
    outcome = "holds" if row["holds"] else "**does not hold**"
    rounding = abs(row["difference"]) <= EXACT
    return (
        f"{row['says']}\n\n$$\n{row['latex']}\n$$\n\n"
        "Largest difference of the two sides: "
        f"{'rounding alone' if rounding else _power(row['difference'])} "
        f"(tolerance {_power(row['tolerance'])}), so it {outcome}. *Why:* {row['proof']} "
        f"*Bears on:* {row['claims']}."
    )


def _power(value: float) -> str:
    """A small number, rounded to one digit, as a formula."""
    if not np.isfinite(value):
        return "not finite"
    digit, _, exponent = f"{value:.0e}".partition("e")
    return rf"${digit} \cdot 10^{{{int(exponent)}}}$"
