"""How alike codes are: those of the plain stacks, at one seed and the next."""

import pytest
import torch

from infomax_lib import load_dataset
from infomax_lib.measures.similarity import linear_cka
from infomax_lib.model.architectures import ARCHITECTURES
from paper.chapters.open_questions.similarity import (
    SimilaritySpec,
    similarities,
    similarity_specs,
)
from paper.chapters.open_questions.stacks import StackSpec, train_stacks

SPEC = SimilaritySpec(dataset="digits", hidden_dim=4, depth=2, epochs=2, seed=3)


def top(letter, seed):
    """Outputs on test images of a stack that is trained alone, and before the competition."""
    fields = SPEC.model_dump() | ARCHITECTURES[letter] | {"seed": seed}
    data = load_dataset("digits").to("cpu", torch.float32)
    *_, level = train_stacks(StackSpec(**fields), [seed], data)
    return level.test[0], level.before[0]


def test_pairs_are_of_different_seeds_and_of_the_same_level(tmp_path):
    table = similarities([SPEC, SPEC.but(seed=7)], "cpu", tmp_path, progress=False)
    assert table[["seed", "level"]].to_numpy().tolist() == [[3, 1], [3, 2], [7, 1], [7, 2]]
    row = table.iloc[1]
    (a, a_before), (a_next, _) = top("A", 3), top("A", 4)
    (b, before), (b_next, before_next) = top("B", 3), top("B", 4)
    torch.testing.assert_close(a, a_before)
    torch.testing.assert_close(torch.softmax(before, -1), b)
    expected = {
        "across": (a, b_next),
        "within_a": (a, a_next),
        "within_b": (b, b_next),
        "across_before": (a, before_next),
        "within_b_before": (before, before_next),
    }
    found = {name: float(linear_cka(*pair)) for name, pair in expected.items()}
    assert row[list(found)].to_dict() == pytest.approx(found, abs=1e-4)
    assert len({round(value, 4) for value in found.values()}) == len(found)


def test_layers_as_they_start_are_those_of_the_seed_whatever_they_are_trained_for(tmp_path):
    (row,) = similarities(SPEC.but(epochs=0, depth=1), "cpu", tmp_path, False).to_dict("records")
    assert row["across_before"] == pytest.approx(row["within_a"], abs=1e-6)
    assert row["within_b_before"] == pytest.approx(row["within_a"], abs=1e-6)


def test_three_layers_are_compared_at_one_width():
    specs = similarity_specs("digits", [4, 8], 8, 2, 5)
    found = {(s.hidden_dim, s.depth, s.epochs) for s in specs}
    assert found == {(4, 1, 0), (4, 1, 5), (8, 3, 0), (8, 3, 5)}
    assert len(specs) == len(set(specs)) == 8
