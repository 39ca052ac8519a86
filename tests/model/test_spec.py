"""Descriptions of runs: what they accept, how they refuse, and what their keys depend on."""

import copy
import pickle

import numpy as np
import pytest
from pydantic import ValidationError

from infomax_lib import RunSpec, SpecError, grid
from infomax_lib.model import spec as spec_module
from infomax_lib.model.spec import Spec

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
        ],
    )
    def test_impossible_values_are_refused_with_what_is_allowed(self, field, value, message):
        with pytest.raises(SpecError, match=f"{field}=") as refusal:
            RunSpec(**{field: value})
        assert message in str(refusal.value)

    def test_unknown_fields_are_refused_with_the_fields_there_are(self):
        with pytest.raises(SpecError, match="unknown field 'lambda_tv'") as refusal:
            RunSpec(lambda_tv=1.0)
        for field in RunSpec.model_fields:
            assert field in str(refusal.value)

    def test_every_mistake_is_named_at_once(self):
        with pytest.raises(SpecError, match=r"hidden_dim=0.*epochs=-1.*unknown field 'k'"):
            RunSpec(hidden_dim=0, epochs=-1, k=3)

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
        with pytest.raises(SpecError, match="give a list"):
            grid(RunSpec(), optimizer=lone)

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
