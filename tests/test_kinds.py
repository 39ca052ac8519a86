"""Every kind of stored result can be audited: its rows agree, and a changed measure is noticed."""

from pathlib import Path

import pytest

from infomax_lib import RunSpec, Store, cli
from infomax_lib.results import audit
from infomax_lib.results.draw import Stored, auditable, draw
from infomax_lib.results.experiments import KINDS
from infomax_lib.results.files import code_fingerprint
from paper.chapters.mutual_information.measured.adversarial import AdversarialSpec
from paper.chapters.mutual_information.measured.dependent_batches import DependentBatchesSpec
from paper.chapters.mutual_information.measured.dimensions import DimensionsSpec
from paper.chapters.mutual_information.measured.halves import HalvesSpec
from paper.chapters.mutual_information.measured.importance_weighted import ImportanceWeightedSpec
from paper.chapters.mutual_information.measured.layer_information import LayerInformationSpec
from paper.chapters.open_questions.guided import AuxiliarySpec
from paper.chapters.open_questions.layerwise import LayerwiseSpec
from paper.chapters.open_questions.similarity import SimilaritySpec
from paper.chapters.open_questions.stacks import StackSpec
from paper.chapters.open_questions.transfer import FeatureSpec, ReferenceSpec
from paper.chapters.prior_art.measured.deep_starts import DeepStartSpec
from paper.chapters.prior_art.measured.head_start import HeadStartSpec
from paper.chapters.prior_art.measured.overlap import OverlapSpec
from paper.chapters.prior_art.measured.view_ablation import ViewAblationSpec
from paper.chapters.prior_art.measured.view_distances import ViewDistanceSpec
from paper.methods import BaselineSpec

cli.beside.import_kinds()  # as the command does

ROOT = Path(__file__).parents[1]
LAYER = {"dataset": "digits", "hidden_dim": 4, "epochs": 1, "seed": 1}
SMALL = {"dataset": "digits", "steps": 2, "batch_size": 50, "seed": 1}
FLOW = {"couplings": 2, "hidden": 8}

# A small spec of each kind, a measure of its row, and a change that nobody would take for rounding.
EXAMPLES = {
    "runs": (RunSpec(**LAYER), "loss", 1.05),
    "held_out": (RunSpec(**LAYER), "pattern_entropy", 1.05),
    "features": (FeatureSpec(**LAYER), "probe_accuracy", 0.9),
    "reference_features": (ReferenceSpec(dataset="digits", seed=1), "loss_accuracy_0.25", 0.9),
    "layer_information": (LayerInformationSpec(**LAYER), "upper", 1.05),
    "auxiliary": (AuxiliarySpec(**LAYER, lambda_ce=1.0), "head_accuracy", 0.9),
    "stacks": (StackSpec(**LAYER, depth=2), "effective_rank", 0.95),
    "baselines": (BaselineSpec(**LAYER, method="rica"), "probe_accuracy", 0.9),
    "assessments": (BaselineSpec(dataset="digits", method="pca", seed=1), "labels_100", 0.8),
    "deep_starts": (
        DeepStartSpec(dataset="digits", start="he", layers=2, hidden_dim=4, epochs=1, seed=1),
        "accuracy",
        0.8,
    ),
    "uses": (BaselineSpec(dataset="digits", method="pca", seed=1), "reconstruction_r2", 0.9),
    "nonlinear_probes": (
        BaselineSpec(dataset="digits", method="pca", seed=1),
        "neighbour_accuracy",
        0.8,
    ),
    "view_distances": (ViewDistanceSpec(**LAYER), "view_ratio", 0.9),
    "head_starts": (HeadStartSpec(**LAYER, method="pca_relu"), "accuracy", 0.9),
    "overlaps": (
        OverlapSpec(dataset="digits", components=3, dimensions=2),
        "doubled_redundancy",
        2,
    ),
    "view_ablations": (ViewAblationSpec(**LAYER), "weight_redundancy", 1.2),
    "halves": (HalvesSpec(**SMALL, **FLOW), "accuracy", 0.8),
    "adversarial_encoders": (
        AdversarialSpec(**SMALL, **FLOW, warm_up=2, classifier_steps=2),
        "classifier_loss",
        1.2,
    ),
    "importance_weighted": (ImportanceWeightedSpec(**SMALL, latents=2, hidden=8), "elbo", 1.05),
    "dimensions": (DimensionsSpec(steps=20, batch_size=8, hidden=4), "estimate", 3),
    "layerwise": (LayerwiseSpec(**LAYER, samples=100), "lower", 1.1),
    "similarities": (SimilaritySpec(**LAYER, depth=2), "across", 0.9),
    "dependent_batches": (DependentBatchesSpec(steps=20, batch_size=8), "truth", 3),
}


def test_every_folder_of_results_is_of_a_known_kind():
    assert set(KINDS) == set(EXAMPLES)
    folders = {path.name for path in (ROOT / "results").iterdir() if path.is_dir()}
    assert folders - {"weights"} <= set(KINDS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_row_agrees_and_a_changed_one_does_not(name, tmp_path):
    spec, measure, factor = EXAMPLES[name]
    honest, doctored = Store(tmp_path / "honest"), Store(tmp_path / "doctored")
    kind = KINDS[name]
    kind.compute_into([spec], device="cpu", store=honest, progress=False)
    (row,) = [row for row in auditable(honest)[0] if row.kind is kind and row.spec == spec]
    (found,) = audit.audit([row], honest, "cpu")
    assert found.disagreeing == []
    assert row.seconds(honest) > 0
    code = honest.source(name, spec.key).metadata["code"]
    assert code == code_fingerprint("infomax_lib" if name == "runs" else "paper")

    value = row.row[measure]
    wrong = [factor * item for item in value] if isinstance(value, list) else factor * value
    for other in KINDS:
        rows = honest.load(other, honest.keys(other)).values()
        changed = [each | ({measure: wrong} if other == name else {}) for each in rows]
        doctored.write(other, changed, device="cpu", seconds=1.0)
    (found,) = audit.audit([Stored(kind, spec, row.row | {measure: wrong})], doctored, "cpu")
    assert {each.partition("[")[0] for each in found.disagreeing} == {measure}
    assert audit.report([found]).startswith(f"DISAGREES  {name} ")


class TestDraw:
    def test_takes_turns_through_the_kinds(self):
        few = [Stored(KINDS[name], example[0], {}) for name, example in EXAMPLES.items()]
        many = [Stored(KINDS["runs"], RunSpec(seed=seed), {}) for seed in range(100)]
        found = draw([*few, *many], 8, 0, None, 100, lambda row: 1.0)
        assert len({row.kind.name for row in found}) == 8

    def test_passes_over_what_takes_too_long(self):
        price = {"runs": 2.0, "stacks": 7.0, "halves": 3.0}
        rows = [Stored(KINDS[name], EXAMPLES[name][0], {}) for name in price]
        for seed in range(5):
            found = draw(rows, 3, seed, None, 6.0, lambda row: price[row.kind.name])
            assert {row.kind.name for row in found} == {"runs", "halves"}

    def test_eight_rows_of_the_book_are_of_four_kinds_at_least(self):
        store = Store(ROOT / "results")
        known, foreign = auditable(store)
        assert foreign == 0
        found = draw(known, 8, 0, None, 900, lambda row: row.seconds(store))
        assert len(found) == 8
        assert len({row.kind.name for row in found}) >= 4
        assert sum(row.seconds(store) for row in found) <= 900
