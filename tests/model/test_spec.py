"""Descriptions of runs: what they accept, how they refuse, and what their keys depend on."""

import copy
import pickle

import numpy as np
import pytest
from pydantic import ValidationError

from infomax_lib import RunSpec, SpecError, grid
from infomax_lib.model import spec as spec_module
from infomax_lib.model.competition import COMPETITIONS
from infomax_lib.model.data import DATASETS
from infomax_lib.model.layer import ACTIVATIONS, INITIALS
from infomax_lib.model.objective import OBJECTIVES
from infomax_lib.model.spec import Spec, first_seeds

CHANGES = {
    "dataset": "digits",
    "activation": "tanh",
    "competition": "softmax",
    "hidden_dim": 8,
    "lambda_tc": 2.0,
    "lambda_wr": 0.5,
    "bias": False,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "batch_size": "full",
    "epochs": 7,
    "seed": 1,
    "initial": "twins",
    "precision": "bfloat16",
    "objective": "log_det",
    "lambda_lse": 0.5,
}
# fields that mean something beside others only, with such others
TOGETHER = {
    "temperature": ({"competition": "softmax"}, 0.5),
    "group_size": ({"competition": "top_k", "group_size": 4}, 2),
}


class TestFields:
    def test_defaults_are_the_source_settings(self):
        assert RunSpec().model_dump() == {
            "dataset": "mnist",
            "activation": "relu",
            "competition": "none",
            "hidden_dim": 16,
            "lambda_tc": 1.0,
            "lambda_wr": 0.0,
            "bias": True,
            "optimizer": "adam",
            "learning_rate": 0.001,
            "batch_size": 128,
            "epochs": 100,
            "seed": 42,
            "initial": "xavier",
            "precision": "float32",
            "objective": "infomax",
            "lambda_lse": 0.0,
            "temperature": 1.0,
            "group_size": 1,
        }

    def test_frozen(self):
        with pytest.raises(ValidationError, match="frozen"):
            RunSpec().epochs = 3

    def test_equal_descriptions_are_one(self):
        assert RunSpec(epochs=3) == RunSpec(epochs=3)
        assert len({RunSpec(epochs=3), RunSpec(epochs=3), RunSpec(epochs=4)}) == 2
        assert copy.deepcopy(RunSpec(epochs=3)) == RunSpec(epochs=3)
        assert pickle.loads(pickle.dumps(RunSpec(epochs=3))) == RunSpec(epochs=3)

    def test_numpy_scalars_are_numbers(self):
        numbers = RunSpec(
            lambda_tc=np.float64(2),
            hidden_dim=np.int64(8),
            bias=np.bool_(False),
            dataset=np.str_("digits"),
        )
        assert numbers == RunSpec(lambda_tc=2.0, hidden_dim=8, bias=False, dataset="digits")

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("dataset", "cifar", "dataset='cifar' is not possible: choose one of digits, mnist"),
            ("activation", "gelu", "choose one of identity, relu, leaky_relu, tanh, softplus"),
            ("competition", "max", "choose one of none, softmax"),
            ("optimizer", "lion", "choose one of adam, sgd"),
            ("initial", "zeros", "choose one of xavier, twins, offset_twins"),
            ("dataset", 3, "dataset=3 is not possible: Input should be a valid string"),
            ("hidden_dim", 0, "greater than or equal to 1"),
            ("hidden_dim", 10**6, "less than or equal to 8192"),
            ("hidden_dim", 16.5, "valid integer"),
            ("hidden_dim", "16", "valid integer"),
            ("lambda_tc", -0.1, "greater than or equal to 0"),
            ("lambda_tc", float("nan"), "finite number"),
            ("lambda_tc", "1.0", "valid number"),
            ("lambda_wr", float("inf"), "finite number"),
            ("learning_rate", 0.0, "greater than 0"),
            ("bias", 1, "valid boolean"),
            ("batch_size", 1, 'at least 2, or "full"'),
            ("batch_size", "half", "'full'"),
            ("epochs", -1, "greater than or equal to 0"),
            ("epochs", True, "valid integer"),
            ("seed", -1, "greater than or equal to 0"),
            ("seed", None, "valid integer"),
            ("seed", 2**63, "less than 9223372036854775808"),
            ("lambda_wr", -0.1, "greater than or equal to 0"),
            ("lambda_lse", -0.1, "greater than or equal to 0"),
            ("lambda_lse", float("inf"), "finite number"),
            ("learning_rate", float("inf"), "finite number"),
            ("temperature", 0.0, "greater than 0"),
            ("temperature", float("inf"), "finite number"),
            ("group_size", 0, "greater than or equal to 1"),
        ],
    )
    def test_impossible_values_are_refused_with_what_is_allowed(self, field, value, message):
        with pytest.raises(SpecError, match=f"{field}=") as refusal:
            RunSpec(**{field: value})
        assert message in str(refusal.value)

    @pytest.mark.parametrize(
        ("field", "names"),
        [
            ("dataset", DATASETS),
            ("activation", ACTIVATIONS),
            ("competition", COMPETITIONS),
            ("optimizer", ("adam", "sgd")),
            ("initial", INITIALS),
            ("precision", ("float32", "bfloat16")),
            ("objective", OBJECTIVES),
        ],
    )
    def test_a_name_is_refused_with_all_names_there_are(self, field, names):
        with pytest.raises(SpecError) as refusal:
            RunSpec(**{field: "other"})
        allowed = ", ".join(names)
        assert str(refusal.value) == f"{field}='other' is not possible: choose one of {allowed}"

    @pytest.mark.parametrize(
        "fields",
        [
            {"hidden_dim": 1},
            {"hidden_dim": 8192},
            {"batch_size": 2},
            {"epochs": 0},
            {"seed": 0},
            {"seed": 2**63 - 1},
            {"lambda_tc": 0.0},
            {"competition": "top_k", "group_size": 2},
            {"competition": "group_softmax", "group_size": 16},
            {"temperature": 0.5, "lambda_lse": 0.1},
            {"temperature": 2.0, "competition": "softmax"},
            {"objective": "none", "lambda_lse": 0.1},
            {"objective": "none", "lambda_wr": 0.1},
            {"objective": "barlow", "batch_size": 128},
            {"objective": "hsic", "batch_size": 1024},
            {"objective": "log_det", "batch_size": "full"},
        ],
        ids=str,
    )
    def test_limits_themselves_are_possible(self, fields):
        made = RunSpec(**fields)
        assert {name: getattr(made, name) for name in fields} == fields

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            (
                {"competition": "top_k", "group_size": 1},
                "group_size=1 is not possible for top_k of 16 units: choose a divisor of "
                "hidden_dim, at least 2",
            ),
            (
                {"competition": "group_softmax", "group_size": 3},
                "group_size=3 is not possible for group_softmax of 16 units: choose a divisor of "
                "hidden_dim, at least 2",
            ),
            (
                {"competition": "softmax", "group_size": 2},
                "group_size=2 means nothing for competition='softmax': leave it out, or choose one "
                "of group_softmax, top_k",
            ),
            (
                {"temperature": 2.0},
                "temperature=2.0 means nothing for competition='none' without lambda_lse: leave it "
                "out",
            ),
            (
                {"objective": "none"},
                "objective='none' leaves nothing to minimise: choose lambda_lse or lambda_wr above "
                "0, or epochs=0 for an untrained layer",
            ),
            (
                {"objective": "barlow", "batch_size": "full"},
                "objective='barlow' draws its views batch by batch: choose an integer batch_size",
            ),
            (
                {"objective": "hsic", "batch_size": 1025},
                "objective='hsic' with batch_size=1025 would hold the square of that for every "
                "unit: choose at most 1024",
            ),
            (
                {"objective": "hsic", "batch_size": "full"},
                "objective='hsic' with batch_size='full' would hold the square of that for every "
                "unit: choose at most 1024",
            ),
            (
                {"batch_size": 1},
                'batch_size=1 is not possible: choose an integer of at least 2, or "full"',
            ),
        ],
    )
    def test_settings_that_do_not_fit_together_are_refused(self, fields, message):
        with pytest.raises(SpecError) as refusal:
            RunSpec(**fields)
        assert str(refusal.value) == message

    def test_only_barlow_sees_two_views(self):
        assert {name: RunSpec(objective=name, lambda_wr=1.0).views for name in OBJECTIVES} == {
            name: 2 if name == "barlow" else 1 for name in OBJECTIVES
        }

    def test_unknown_fields_are_refused_with_the_fields_there_are(self):
        with pytest.raises(SpecError) as refusal:
            RunSpec(lambda_tv=1.0)
        fields = ", ".join(RunSpec.model_fields)
        assert str(refusal.value) == f"unknown field 'lambda_tv': the fields are {fields}"

    def test_every_mistake_is_named_at_once(self):
        with pytest.raises(SpecError) as refusal:
            RunSpec(hidden_dim=0, epochs=-1, k=3)
        found = str(refusal.value).split("; ")
        assert [text.partition(" is not possible: Input")[0] for text in found[:2]] == [
            "hidden_dim=0",
            "epochs=-1",
        ]
        assert found[2].startswith("unknown field 'k': ")

    def test_a_mistake_is_named_once(self):
        with pytest.raises(SpecError) as refusal:
            RunSpec(batch_size="half")  # neither an integer nor "full"
        texts = str(refusal.value).split("; ")
        assert len(set(texts)) == len(texts)

    def test_a_refusal_is_a_value_error(self):
        assert issubclass(SpecError, ValueError)

    def test_but_validates(self):
        assert RunSpec(epochs=3).but(seed=1) == RunSpec(epochs=3, seed=1)
        with pytest.raises(SpecError, match="epochs=-3"):
            RunSpec().but(epochs=-3)
        with pytest.raises(SpecError, match="unknown field"):
            RunSpec().but(epoch=3)


class TestKeys:
    def test_stay_what_they_are(self):
        # Stored results are found by these: a change here orphans all of them.
        assert RunSpec().key == "ef40565618496e62b584f27af6178085"
        assert (
            RunSpec(dataset="digits", competition="softmax", batch_size="full").key
            == "7a8ec4a502a00fb7c38723d1cf17f8b9"
        )

    @pytest.mark.parametrize("field", RunSpec.model_fields)
    def test_depend_on_every_field(self, field):
        others, value = TOGETHER.get(field, ({}, CHANGES.get(field)))
        assert RunSpec(**others | {field: value}).key != RunSpec(**others).key

    def test_do_not_depend_on_fields_at_their_default(self):
        class Later(RunSpec):
            another: int = 0

        Later.__name__ = "RunSpec"
        assert Later().key == RunSpec().key
        assert Later(another=1).key != RunSpec().key

    def test_need_no_dataset(self):
        class Free(Spec):
            width: int = 1

        assert Free().key != Free(width=2).key

    def test_numbers_have_one_key_however_they_are_written(self):
        assert RunSpec(lambda_tc=1).key == RunSpec(lambda_tc=1.0).key
        assert RunSpec(seed=np.int64(42)).key == RunSpec().key

    @pytest.mark.parametrize("field", ["lambda_tc", "lambda_wr", "lambda_lse"])
    @pytest.mark.parametrize("zero", [-0.0, 0, np.float32(-0.0), np.int64(0)], ids=repr)
    def test_zero_has_one_name(self, field, zero):
        one, other = RunSpec(**{field: zero}), RunSpec(**{field: 0.0})
        assert one == other
        assert hash(one) == hash(other)
        assert one.key == other.key
        assert str(one) == str(other)
        assert RunSpec().but(**{field: zero}).key == other.key

    def test_numbers_within_lists_have_one_name(self):
        class Levels(Spec):
            levels: tuple[float, ...] = ()
            several: tuple[tuple[float, ...], ...] = ()
            some: list[float] = []  # noqa: RUF012
            perhaps: float | None = None

        one = Levels(
            levels=(-0.0, 1, np.float32(0.5)), several=((-0.0,), ()), some=[-0.0], perhaps=-0.0
        )
        other = Levels(levels=(0.0, 1.0, 0.5), several=((0.0,), ()), some=[0.0], perhaps=0.0)
        assert one == other
        assert one.key == other.key

    @pytest.mark.parametrize("field", ["lambda_tc", "hidden_dim", "learning_rate"])
    def test_true_is_no_number(self, field):
        with pytest.raises(SpecError, match=f"{field}=True is not possible"):
            RunSpec(**{field: True})

    def test_depend_on_data_and_version(self, monkeypatch):
        before = RunSpec().key
        monkeypatch.setattr(spec_module, "RESULTS_VERSION", 10**6)
        assert RunSpec().key != before
        monkeypatch.undo()
        monkeypatch.setattr(spec_module, "dataset_checksum", lambda name: "another")
        assert RunSpec().key != before


class TestFirstSeeds:
    def test_count_from_zero(self):
        assert first_seeds(1) == [0]
        assert first_seeds(3) == [0, 1, 2]

    @pytest.mark.parametrize("count", [0, -1, 2.0, "3", True, None])
    def test_anything_but_a_count_is_refused(self, count):
        with pytest.raises(SpecError) as refusal:
            first_seeds(count)
        assert str(refusal.value) == (
            f"seeds={count!r} is not possible: choose an integer of at least 1"
        )


class TestGrid:
    def test_all_combinations_with_the_last_name_fastest(self):
        specs = grid(RunSpec(epochs=3), lambda_tc=[0.0, 1.0], seed=range(3))
        assert [(s.lambda_tc, s.seed) for s in specs] == [
            (0.0, 0), (0.0, 1), (0.0, 2), (1.0, 0), (1.0, 1), (1.0, 2),
        ]  # fmt: skip
        assert {s.epochs for s in specs} == {3}

    def test_nothing_to_vary(self):
        assert grid(RunSpec(epochs=3)) == [RunSpec(epochs=3)]
        assert grid(RunSpec(), seed=[]) == []

    def test_accepts_arrays_and_generators(self):
        specs = grid(RunSpec(), lambda_tc=np.array([0.0, 1.0]), seed=(s for s in (1, 2)))
        assert [(s.lambda_tc, s.seed) for s in specs] == [(0.0, 1), (0.0, 2), (1.0, 1), (1.0, 2)]

    @pytest.mark.parametrize("lone", [3, "adam"])
    def test_a_lone_value_is_refused(self, lone):
        with pytest.raises(SpecError) as refusal:
            grid(RunSpec(), optimizer=lone)
        assert str(refusal.value) == (
            f"optimizer={lone!r} is a single value: give a list, e.g. [{lone!r}]"
        )

    def test_unknown_fields_and_values_are_refused(self):
        with pytest.raises(SpecError, match="unknown field 'sede'"):
            grid(RunSpec(), sede=[1])
        with pytest.raises(SpecError, match="lambda_tc=-1"):
            grid(RunSpec(), lambda_tc=[1.0, -1.0])


@pytest.mark.parametrize(
    ("batch_size", "expected"), [(32, 32), (100, 100), (128, 100), ("full", 100)]
)
def test_samples_per_step(batch_size, expected):
    assert RunSpec(batch_size=batch_size).samples_per_step(100) == expected
