"""A claim and a competition are each one function where CONTRIBUTING says, and nothing else.

Each is added to a copy of the packages and used there as a reader of the book would. (A method of
prior art, one new file, is added in methods/test_drop_in.py.)
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CLAIM = '''

@claim(
    "009.1",
    place="a table",
    quote="Toys are redundant.",
    statement="A toy claim.",
    test="Redundancy of the toy runs.",
    rule="Redundancy is above 1, that of random rows; the opposite is that it is below.",
    decisive="redundancy",
    smallest="0.1, a tenth of that of random rows",
)
def toy(e: Evidence) -> Finding:
    """Whether redundancy is above 1."""
    interval = e.interval("weight_redundancy", **softmax(0))
    above = Decision(interval, "above", bar=1, smallest=0.1, neutral=1)
    return finding([decided("redundancy", above)])
'''

JUDGED = """
import json
import pandas as pd
import paper
from infomax_lib import RunSpec
from paper.chapters import judge, registry
from paper.chapters.ledger.front_pages import claims_without_verdict
from paper.judging.evidence import Evidence

def verdict(value):
    specs = [RunSpec(competition="softmax", lambda_tc=0.0, seed=seed) for seed in range(6)]
    rows = [spec.model_dump() | {"key": spec.key} for spec in specs]
    runs = pd.DataFrame(rows).assign(weight_redundancy=[value + 0.01 * i for i in range(6)])
    return judge("tc_pressure", Evidence(runs)).find("009.1").interpretation_verdict

print(json.dumps({
    "from": paper.__file__,
    "chapter": registry()["009.1"].chapter,
    "last": list(registry())[-1],
    "above": verdict(2.0),
    "near": verdict(1.01),
    "below": verdict(0.5),
    "ledger": claims_without_verdict(judge("theory", Evidence(pd.DataFrame())))[-1],
}))
"""

COMPETITION = '''

def _squares(h: Tensor, dim: int, temperature: float, group_size: int) -> Tensor:
    """Shares of the squares, a_j = h_j^2 / (1 + sum h^2)."""
    squares = h.square()
    return squares / (1 + squares.sum(dim, keepdim=True))


COMPETITIONS["squares"] = _squares
'''

TRAINED = """
import json, sys
import torch
import infomax_lib
from infomax_lib import InfoMax, InfoMaxLayer, RunSpec, grid, load_dataset, run, trained_layer

base = RunSpec(dataset="digits", hidden_dim=8, epochs=3, learning_rate=1e-2)
specs = grid(base, competition=["none", "squares"], seed=[0, 1])
table = run(specs, device="cpu", store=sys.argv[1], progress=False)
layer = trained_layer(specs[-1], store=sys.argv[1])
z = torch.randn(5, 8, dtype=torch.float64, requires_grad=True)
from infomax_lib.model.competition import compete
x = load_dataset("digits").train
print(json.dumps({
    "from": infomax_lib.__file__,
    "diverged": int(table["diverged_at"].notna().sum()),
    "probe": table.groupby("competition")["probe_accuracy"].mean().to_dict(),
    "largest": float(layer(x).sum(-1).max()),
    "gradient": torch.autograd.gradcheck(lambda h: compete(h, "squares"), [z]),
    "estimator": list(InfoMax(8, competition="squares", max_iter=1).fit_transform(x).shape),
}))
"""


def seen_by(script: str, changed: str, text: str, folder: Path) -> dict:
    """What a script prints in a copy of both packages of which one file has got more text."""
    for package in ("infomax_lib", "paper"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pyc*"))
    for name in ("notebooks", "book"):
        (folder / name).mkdir()
    shutil.copy(ROOT / "book" / "_toc.yml", folder / "book")
    with (folder / changed).open("a", encoding="utf8") as file:
        file.write(text)
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder / "store")],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert Path(found["from"]).is_relative_to(folder)
    return found


def named_in_contributing(heading: str) -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf8")
    return re.split(r"^## ", text.split(f"## {heading}\n")[1], flags=re.M)[0]


def test_a_claim_is_one_function_in_the_rules_of_its_chapter(tmp_path):
    told = named_in_contributing("Add a claim")
    assert "paper/chapters/<chapter>/rules.py" in told
    assert CLAIM.strip() in told
    found = seen_by(JUDGED, "paper/chapters/tc_pressure/rules.py", CLAIM, tmp_path)
    assert found["chapter"] == "tc_pressure"
    assert [found[at] for at in ("above", "near", "below")] == [
        "supported",
        "not supported",
        "refuted",
    ]
    assert found["last"] == found["ledger"] == "009.1"


def test_a_competition_is_one_function_and_one_row(tmp_path):
    changed = "infomax_lib/model/competition.py"
    assert changed in named_in_contributing("Add a competition")
    found = seen_by(TRAINED, changed, COMPETITION, tmp_path)
    assert found["diverged"] == 0
    assert found["gradient"]
    assert found["largest"] < 1
    assert found["probe"]["squares"] == pytest.approx(found["probe"]["none"], abs=0.5)
    assert found["probe"]["squares"] > 0.3
    assert found["estimator"] == [1437, 8]
