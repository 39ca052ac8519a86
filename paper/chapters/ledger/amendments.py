"""The amendments of rules, as the page “What we got wrong” shows them."""

from collections import Counter
from html import escape

import pandas as pd

from paper.judging.verdicts import INTERPRETATION_VERDICTS, Verdicts, badge

#: A word of the first vocabulary that is used no more.
INCONCLUSIVE = "inconclusive"


def counts_before_and_now(verdicts: Verdicts) -> pd.DataFrame:
    """How many claims had each verdict before the rules were amended, and have it now."""
    now = Counter(v.interpretation_verdict for v in verdicts)
    before = Counter(v.before or v.interpretation_verdict for v in verdicts)
    words = [w for w in (*INTERPRETATION_VERDICTS, INCONCLUSIVE) if now[w] or before[w]]
    return pd.DataFrame(
        {
            "verdict": words,
            "before": [before[word] for word in words],
            "now": [now[word] for word in words],
        }
    )


def amendments_html(verdicts: Verdicts) -> str:
    """Claim, verdict before and now, and why the rule was amended, one row each."""
    rows = "\n".join(
        f'<tr><td><a href="ledger.html#{v.anchor}">{escape(v.id)}</a></td>'
        f"<td>{escape(v.statement)}</td><td>{badge(v.before)}</td>"
        f"<td>{badge(v.interpretation_verdict)}</td><td>{escape(v.universes) or '—'}</td>"
        f"<td>{escape(v.amended)}</td></tr>"
        for v in verdicts
        if v.amended
    )
    return (
        '<table class="verdicts amendments">\n<thead><tr><th>Claim</th><th>What it says</th>'
        "<th>Before</th><th>Now</th><th>The same in</th><th>What was amended, and why</th></tr>"
        "</thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )
