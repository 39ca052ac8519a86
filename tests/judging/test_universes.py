"""The multiverse: which runs it needs, what a universe holds, and when two verdicts agree."""

import itertools
from collections import defaultdict

import pandas as pd
import pytest
from synthetic_evidence import RATES

from infomax_lib import RunSpec, grid, open_store, run
from infomax_lib.model.streams import measured_epochs
from infomax_lib.results.sweep import read_sweep, sweep_specs
from paper.judging import universes as module
from paper.judging.claims import Finding
from paper.judging.evidence import Evidence, MissingEvidence
from paper.judging.published import published
from paper.judging.shared_rules import relu, softmax
from paper.judging.universes import (
    FORMS,
    LENGTHS,
    SGD_RATES,
    Agreement,
    Universe,
    agreement,
    long_specs,
    stored,
    universe_specs,
    universes,
)
from paper.pages.page import project_root

PLAIN = "as the rule says"
OTHER_NULL, OTHER_CODE = "null of isotropic rows", "code after the competition"


def universe(dataset="mnist", seeds="0 to 4", epochs=100, form=PLAIN, width=16):
    return Universe(dataset, width, seeds, epochs, form, Evidence(pd.DataFrame()))


def rule_of(verdicts):
    """A rule that comes to one verdict after another; None lacks evidence."""
    following = iter(verdicts)

    def rule(_):
        verdict = next(following)
        if verdict is None:
            raise MissingEvidence("runs")
        return Finding(verdict, f"evidence {verdict}")

    return rule


def test_a_universe_is_seventeen_runs_of_every_seed():
    specs = universe_specs("digits", 8, range(5))
    assert len({spec.key for spec in specs}) == len(specs) == 17 * 5
    assert {spec.dataset for spec in specs} == {"digits"}
    assert {spec.hidden_dim for spec in specs} == {8}


@pytest.mark.parametrize(
    "table", ["tc_minibatch", "weight_regularization", "softmax_tc", "optimizers"]
)
def test_a_universe_holds_what_the_source_prints(table):
    printed = {RunSpec(**row["settings"], seed=3) for row in published(table)["rows"]}
    assert printed <= set(universe_specs("mnist", 16, [3]))


def test_what_a_universe_changes_in_a_run_is_there_as_it_was():
    specs = universe_specs("mnist", 16, [3])
    plain = {s for s in specs if s.bias and not s.lambda_wr and s.optimizer == "adam"}
    kept = {"bias": True, "lambda_wr": 0.0, "optimizer": "adam", "learning_rate": 1e-3}
    assert {spec.but(**kept) for spec in specs} == plain
    assert set(SGD_RATES) < set(RATES)


def test_twenty_seeds_are_four_universes():
    blocks = defaultdict(list)
    for group in module._groups():
        (place,) = {(spec.dataset, spec.hidden_dim, spec.epochs) for spec in group}
        blocks[place].append({spec.seed for spec in group})
    datasets = ("mnist", "fashion-mnist", "natural-patches")
    short = set(itertools.product(datasets, (16, 2 * 16), (100,)))
    assert set(blocks) == short | {("mnist", 16, 1000)}
    for (*_, epochs), seeds in blocks.items():
        assert [len(block) for block in seeds] == [5] * 4
        first = 0 if epochs == 100 else 20
        assert set().union(*seeds) == set(range(first, first + 20))


def test_training_may_end_where_a_run_is_measured():
    assert set(LENGTHS) == {spec.epochs for group in module._groups() for spec in group}
    for epochs, lengths in LENGTHS.items():
        assert set(lengths) < set(measured_epochs(epochs))
        assert lengths[-1] == epochs
    assert LENGTHS[1000] == tuple(10 * epochs for epochs in LENGTHS[100])


def test_the_long_runs_are_those_of_the_sweep():
    listed = sweep_specs(read_sweep(project_root() / "sweeps/trajectories.yaml"))
    assert {spec.key for spec in listed} == {spec.key for spec in long_specs()}


@pytest.mark.parametrize(
    ("verdict", "others", "agreeing"),
    [
        ("supported", ["supported", "proved", "refuted", "mixed"], 2),
        ("refuted", ["not supported", "refuted", "supported", "at threshold"], 2),
        ("mixed", ["mixed", "underpowered", "supported", "refuted"], 1),
        ("underpowered", ["underpowered", "at threshold", "mixed", "supported"], 1),
    ],
)
def test_verdicts_on_one_side_agree(verdict, others, agreeing):
    among = [universe(epochs=epochs) for epochs in range(len(others))]
    found = agreement(rule_of(others), verdict, among)
    assert (found.agreeing["mnist"], found.judged["mnist"]) == (agreeing, 4)


def test_agreement_is_told_by_dataset():
    among = [universe(), universe("fashion-mnist"), universe("fashion-mnist", epochs=20)]
    found = agreement(rule_of(["supported", "supported", "refuted"]), "supported", among)
    assert str(found) == "2 of 3 universes (mnist 1 of 1, fashion-mnist 1 of 2)"


def test_a_universe_without_the_runs_is_not_counted_and_not_asked_twice():
    among = [universe(form=form) for form in FORMS] + [universe(epochs=20)]
    found = agreement(rule_of([None, "supported"]), "supported", among)  # a third would raise
    assert str(found) == "1 of 1 universes (mnist 1 of 1)"


def test_a_form_that_changes_nothing_is_no_other_universe():
    among = [universe(form=PLAIN), universe(form=OTHER_NULL), universe(form=OTHER_CODE)]
    found = agreement(rule_of(["supported", "supported", "refuted"]), "supported", among)
    assert str(found) == "1 of 2 universes (mnist 1 of 2)"


def test_a_rule_is_asked_of_each_universe_and_leaves_no_trace_in_it():
    def rule(evidence):
        (seed,) = evidence.runs["seed"]
        evidence.used.add("a run")
        return Finding("supported" if seed == 1 else "not measured", f"seed {seed}")

    among = [
        Universe("mnist", 16, f"{seed}", 100, PLAIN, Evidence(pd.DataFrame({"seed": [seed]})))
        for seed in (0, 1, 2)
    ]
    assert str(agreement(rule, "supported", among)) == "1 of 1 universes (mnist 1 of 1)"
    assert not any(each.evidence.used for each in among)


@pytest.mark.parametrize("record", [universe(), Agreement({}, {})])
def test_what_was_found_cannot_be_changed(record):
    for name in record.__dataclass_fields__:
        with pytest.raises(AttributeError):
            setattr(record, name, None)


def test_nothing_judged_is_said_with_nothing():
    assert str(agreement(rule_of([None]), "supported", [universe()])) == ""
    assert str(agreement(rule_of([]), "supported", [])) == ""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Universes of digits at two widths and lengths; at the larger width, a seed is missing."""
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "DATASETS", ("digits",))
    patch.setattr(module, "WIDTHS", (3, 4))
    patch.setattr(module, "LENGTHS", {5: (2, 5)})
    patch.setattr(module, "_SEEDS", {100: range(10), 1000: range(0)})
    patch.setattr(
        module,
        "universe_specs",
        lambda dataset, width, seeds: grid(
            RunSpec(dataset=dataset, hidden_dim=width, epochs=5),
            competition=["none", "softmax"],
            lambda_tc=[0.0, 100.0],
            seed=seeds,
        ),
    )
    store = open_store(tmp_path_factory.mktemp("store"))
    for width, seeds in ((3, range(5)), (4, range(4))):
        run(module.universe_specs("digits", width, seeds), store=store, progress=False)
    # From here on nothing is trained.
    patch.setattr("infomax_lib.results.compute.train_population", None)
    yield universes(store), store
    patch.undo()


def places(found):
    return {(u.dataset, u.hidden_dim, u.seeds, u.epochs, u.form) for u in found}


def test_only_whole_blocks_of_seeds_that_are_stored_are_universes(small):
    found, _ = small
    forms = (PLAIN, OTHER_NULL, OTHER_CODE)
    assert places(found) == set(itertools.product(["digits"], [3], ["0 to 4"], [2, 5], forms))
    assert len(found) == 6


def test_universes_are_read_from_the_store_that_is_open(small, monkeypatch, tmp_path):
    found, store = small
    monkeypatch.setenv("INFOMAX_STORE", str(store.folder))
    six = module.universe_specs("digits", 3, range(6))
    assert stored(six) == [spec for spec in six if spec.seed < 5]
    assert universes(tmp_path) == []
    again = universes()
    assert places(again) == places(found)
    assert universes(store) is again


def test_a_universe_ends_where_it_says(small):
    found, store = small
    specs = grid(
        RunSpec(dataset="digits", hidden_dim=3, lambda_tc=100.0), epochs=[5], seed=range(5)
    )
    table = run(specs, store=store, progress=False).set_index("seed")
    by_length = {u.epochs: u.evidence for u in found if u.form == PLAIN}
    end = by_length[5].values("weight_redundancy", **relu(100))
    assert end.to_dict() == table["weight_redundancy"].to_dict()
    assert "diverged_at" in by_length[5].runs  # a run says it, its history does not
    early = by_length[2].values("weight_redundancy", **relu(100))
    assert (early - end).abs().min() > 0
    same = by_length[5].at_epoch("weight_redundancy", 2, **relu(100))
    assert early.to_dict() == same.to_dict()
    with pytest.raises(MissingEvidence):  # what comes later is not known there
        by_length[2].at_epoch("weight_redundancy", 5, **relu(100))


def test_a_form_puts_one_measure_in_the_place_of_another(small):
    found, _ = small
    plain, null, code = (
        next(u.evidence for u in found if (u.epochs, u.form) == (5, form))
        for form in (PLAIN, OTHER_NULL, OTHER_CODE)
    )
    data = plain.values("redundancy_over_data", **relu(0))
    isotropic = plain.values("redundancy_over_random", **relu(0))
    assert (data - isotropic).abs().min() > 0
    assert null.values("redundancy_over_data", **relu(0)).equals(
        isotropic.rename("redundancy_over_data")
    )
    after = plain.values("probe_accuracy", **softmax(0))
    assert code.values("probe_accuracy_pre", **softmax(0)).to_dict() == after.to_dict()
