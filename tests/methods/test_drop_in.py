"""A method of prior art is one file in the folder of its family, and nothing else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import paper

METHOD = '''"""Views of one image lie close, those of all images apart (Wang & Isola 2020)."""

import torch
from torch.nn.functional import normalize

from paper.methods.methods import DESCENT, Method
from paper.methods.two_views.joint_embedding import fit_many_on


def aligned_and_uniform(z):
    first, second = (normalize(view, dim=-1) for view in z.chunk(2, 1))
    apart = torch.cdist(first, first).square().mul(-2).exp().mean((-2, -1)).log()
    return (first - second).square().sum(-1).mean(-1) + apart


METHODS = (Method("aligned", "Aligned & uniform", fit_many_on(aligned_and_uniform), DESCENT),)
'''

# What a reader of the chapter's notebook does, in a process that finds the copy first.
SCRIPT = """
import json, sys
import paper
from paper.chapters.prior_art.comparison import feature_images, in_words, summary
from paper.chapters.prior_art.experiment import compared, measured
from paper.chapters.prior_art.figures.methods import against_probe, measures_by_method, method_looks
from paper.methods import METHODS, every_method, fitted_encoder, run_baselines

store = sys.argv[1]
(spec, _) = every_method("digits", 8, [0, 1], epochs=2, methods=["aligned"])
alone = run_baselines(spec, device="cpu", store=store, progress=False, keep_weights=[0])
specs = compared("digits", 8, [0, 1], epochs=2, methods=["pca", "aligned", "infomax_relu"])
table = measured(specs, device="cpu", store=store)
dots = measures_by_method(table, ["probe_accuracy", "seconds"]).axes[0]
plane = against_probe(table, ["weight_redundancy"]).axes[0]
encoder = fitted_encoder(spec, store)
row = table[table["method"] == "aligned"].iloc[0]
print(json.dumps({
    "from": paper.__file__,
    "family": METHODS["aligned"].family,
    "last": [name for name, method in METHODS.items() if method.family == "two views"][-1],
    "failed": row["failed"],
    "stored": [row["key"], row["seconds"]] == [alone["key"][0], alone["seconds"][0]],
    "probe": row["probe_accuracy"],
    "flops": row["flops"],
    "parameters": int(row["parameters"]),
    "table": summary(table, ["probe_accuracy", "flops"])["method"].tolist(),
    "in words": in_words(table, "aligned", "pca"),
    "dots": [text.get_text() for text in dots.get_yticklabels()],
    "plane": [text.get_text() for text in plane.texts],
    "looks": len(set(method_looks().values())) == len(method_looks()),
    "pictures": {name: list(w.shape) for name, w in feature_images([spec], store).items()},
    "features": list(encoder.transform(encoder.weight).shape),
}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What a copy of the package shows whose only change is one more file."""
    folder = tmp_path_factory.mktemp("copy")
    source = Path(paper.__file__).parent
    shutil.copytree(source, folder / "paper", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "paper" / "methods" / "two_views" / "aligned.py").write_text(METHOD, "utf-8")
    (folder / "script.py").write_text(SCRIPT, "utf-8")
    command = [sys.executable, folder / "script.py", folder / "store"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert Path(found["from"]).is_relative_to(folder)
    return found


def test_it_is_fitted(seen):
    assert seen["failed"] is None
    assert seen["stored"]  # it was not fitted twice
    assert seen["probe"] > 0.25
    assert seen["features"] == [8, 8]


def test_it_belongs_to_the_family_of_its_folder_and_stands_after_its_members(seen):
    assert seen["family"] == "two views"
    assert seen["last"] == "aligned"


def test_it_has_a_cost(seen):
    layer = 2 * 2 * 1437 * 64 * 8  # of both views in one epoch
    assert seen["flops"] > 2 * 2 * layer  # forth and back, two epochs
    assert seen["parameters"] == 8 * 65


def test_it_is_in_the_tables_and_sentences(seen):
    assert set(seen["table"]) == {"PCA", "Aligned & uniform", "InfoMax A (ReLU)"}
    assert "Aligned & uniform" in seen["in words"]


def test_it_is_drawn_with_its_name_and_a_look_of_its_own(seen):
    assert "Aligned & uniform" in seen["dots"]
    assert "Aligned & uniform" in seen["plane"]
    assert seen["looks"]
    assert seen["pictures"] == {"Aligned & uniform": [8, 64]}
