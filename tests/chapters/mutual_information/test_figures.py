"""Figures of the experiments on mutual information: what is drawn are the tables' numbers."""

import math

import mutual_information_worlds as worlds
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from infomax_lib.stats import rank_correlation
from paper.chapters.mutual_information.figures.ends import (
    accuracy_of_all_encoders,
    bounds_against_accuracy,
    matched_encoders,
)
from paper.chapters.mutual_information.figures.others import (
    autoencoders_over_draws,
    capped_estimates,
    dependent_estimates,
    information_of_layers,
)
from paper.chapters.mutual_information.figures.training import (
    adversarial_training,
    bijective_training,
    conditioning_and_spectra,
)

RAW = worlds.RAW
#: Name → table, figure of it, and columns of numbers that a failed seed lacks.
FIGURES = {
    "caps": (worlds.caps, capped_estimates, ["estimate"]),
    "bijective": (
        worlds.halves,
        lambda t: bijective_training(t, RAW),
        ["training", "held_out", "accuracy"],
    ),
    "adversarial": (
        worlds.adversarial,
        lambda t: adversarial_training(t, RAW),
        ["accuracy", "inversion_error"],
    ),
    "conditioning": (worlds.halves, conditioning_and_spectra, ["log_condition"]),
    "critics": (
        worlds.halves,
        lambda t: bounds_against_accuracy(t, RAW),
        ["training", "held_out", "accuracy"],
    ),
    "matched": (worlds.halves, lambda t: matched_encoders(t, RAW), ["training", "accuracy"]),
    "all": (worlds.halves, lambda t: accuracy_of_all_encoders(t, RAW), ["held_out", "accuracy"]),
    "autoencoders": (
        worlds.autoencoders,
        autoencoders_over_draws,
        ["bound", "inference_gap", "accuracy"],
    ),
    "batches": (worlds.batches, dependent_estimates, ["estimate"]),
    "layers": (worlds.layers, information_of_layers, ["lower", "upper", "probe_accuracy"]),
}


pytestmark = pytest.mark.usefixtures("house_style")


def drawn(axes, size=None):
    """Points (n, 2) of all lines of a panel that have so many, in order."""
    found = [np.asarray(line.get_xydata(), dtype=float) for line in axes.lines]
    return [points for points in found if len(points) and size in (None, len(points))]


def segments(axes):
    """Ends (2, 2) of lines that were drawn together."""
    found = [c for c in axes.collections if isinstance(c, LineCollection)]
    return [np.asarray(segment) for lines in found for segment in lines.get_segments()]


def holds(axes, points):
    """Whether every point is drawn in the panel."""
    every = np.concatenate(drawn(axes))
    return all((np.abs(every - point).max(1) < 1e-9).any() for point in points)


def levels(axes):
    """Heights of the horizontal lines across a panel."""
    return [
        line.get_ydata()[0]
        for line in axes.lines
        if len(line.get_xdata()) == 2
        and tuple(line.get_xdata()) == (0, 1)
        and line.get_ydata()[0] == line.get_ydata()[1]
    ]


def texts(axes):
    return " ".join(t.get_text() for t in axes.texts)


@pytest.mark.parametrize("name", FIGURES)
def test_failed_seeds_leave_a_hole_and_what_cannot_be_drawn_is_refused(name):
    make, draw, columns = FIGURES[name]
    whole = make(3)
    table = make(3)
    table.loc[table["seed"] == 1, columns] = np.nan
    if "spectrum" in table:
        table["spectrum"] = [
            [] if seed == 1 else values
            for seed, values in zip(table["seed"], table["spectrum"], strict=True)
        ]
    marks = []
    for each in (whole, table):
        figure = draw(each)
        figure.draw_without_rendering()
        found = [points for axes in figure.axes for points in drawn(axes)]
        found += [points for axes in figure.axes for points in segments(axes)]
        marks.append(sum(np.isfinite(points).all(1).sum() for points in found))
    assert 0 < marks[1] < marks[0]
    every = make(2)
    every[columns] = np.nan
    draw(every).draw_without_rendering()  # nothing but failures is a figure without marks
    with pytest.raises(ValueError, match="no rows"):
        draw(whole[:0])
    with pytest.raises(KeyError, match=columns[0]):
        draw(whole.drop(columns=columns[0]))


def test_an_experiment_that_is_not_there_is_named():
    table = worlds.halves(2)
    only = table[table["experiment"] == "critics"]
    for draw in (
        lambda: bijective_training(only, RAW),
        lambda: conditioning_and_spectra(only),
        lambda: matched_encoders(only, RAW),
    ):
        with pytest.raises(ValueError, match="there are critics"):
            draw()


def test_no_estimate_of_i_nce_crosses_the_drawn_cap():
    table = worlds.caps(4)
    (axes,) = capped_estimates(table).axes
    (cap,) = drawn(axes, 100)
    assert np.allclose(cap[:, 1], np.log(cap[:, 0]))
    informations = sorted(set(table["information"]))
    assert sorted(levels(axes)) == informations  # the truths
    assert holds(axes, table[["pairs", "estimate"]].to_numpy())
    means = table.groupby(["information", "pairs"], as_index=False)["estimate"].mean()
    assert holds(axes, means[["pairs", "estimate"]].to_numpy())
    low, high = axes.get_ylim()
    assert low < table["estimate"].min()
    assert high > max(informations)
    assert axes.get_xscale() == "log"


def test_bijective_encoders_show_bounds_cap_and_raw_pixels():
    table = worlds.halves(4)
    above, below = bijective_training(table, RAW).axes
    rows = table[table["experiment"] == "bijective"]
    for column in ("training", "held_out"):
        assert holds(above, rows[["step", column]].to_numpy())
    means = rows.groupby(["bound", "step"], as_index=False)["held_out"].mean()
    assert holds(above, means[["step", "held_out"]].to_numpy())
    assert holds(below, rows[["step", "accuracy"]].to_numpy())
    assert np.allclose(levels(above), math.log(128))
    assert levels(below) == [RAW]
    assert "raw pixels" in texts(below)
    ticks = [float(t.get_text()) for t in below.get_xticklabels()]
    assert ticks == [0, 100, 1000]  # of 0, 20, 50 .. 2000
    assert list(below.get_xticks()) == ticks
    assert "failed" not in texts(below)


def test_bounds_far_below_zero_do_not_squeeze_the_others_and_are_told():
    table = worlds.halves(3)
    table.loc[(table["bound"] == "nwj") & (table["seed"] == 0), "held_out"] = -1e5
    above, _ = bijective_training(table, RAW).axes
    assert above.get_ylim()[0] == -2
    assert "down to −100000" in texts(above)
    (axes,) = accuracy_of_all_encoders(table, RAW).axes
    assert axes.get_xlim()[0] > -3
    triangles = [line for line in axes.lines if line.get_marker() == "<"]
    # the seed itself and the mean of its kind, which it drags along
    edge = np.concatenate([line.get_xydata() for line in triangles])
    assert (edge[:, 0] == -2).all()
    nwj = table[(table["bound"] == "nwj") & (table["step"] == table["step"].max())]
    kinds = nwj.groupby(["experiment", "encoder", "critic", "target"], dropna=False).ngroups
    assert len(edge) == 2 * kinds


def test_failed_runs_are_counted():
    table = worlds.adversarial(5)
    failed = (table["seed"] < 2) & (table["step"] >= 500)
    table.loc[failed, ["accuracy", "inversion_error"]] = np.nan
    above, below = adversarial_training(table, RAW).axes
    assert "2 of 5 runs failed" in texts(above)
    assert holds(above, table.loc[~failed, ["step", "accuracy"]].to_numpy())
    assert below.get_yscale() == "log"
    assert levels(above) == [RAW]
    assert levels(below) == [0.01]


def test_spectra_are_those_of_the_first_a_middle_and_the_last_step():
    table = worlds.halves(3)
    above, *spectra = conditioning_and_spectra(table).axes
    rows = table[table["experiment"] == "residual"]
    assert holds(above, rows[["step", "log_condition"]].to_numpy())
    for axes, bound in zip(spectra, ("nce", "nwj"), strict=True):
        thick = [line.get_ydata() for line in axes.lines if line.get_linewidth() > 2]
        for step, mean in zip((0, 200, 2000), thick, strict=True):
            own = rows[(rows["bound"] == bound) & (rows["step"] == step)]
            assert np.allclose(mean, np.mean(own["spectrum"].tolist(), axis=0))
    assert spectra[0].get_ylim() == spectra[1].get_ylim()


def test_a_vanished_singular_value_is_a_gap():
    table = worlds.halves(2)
    table["spectrum"] = [
        [*values[:-1], -math.inf] if values else [] for values in table["spectrum"]
    ]
    for axes in conditioning_and_spectra(table).axes[1:]:
        for points in drawn(axes, 40):
            assert np.isnan(points[-1, 1])
            assert np.isfinite(points[:-1]).all()


def test_critics_are_drawn_by_bound_and_accuracy_with_the_cap_of_nce_alone():
    table = worlds.halves(4)
    nce, nwj = bounds_against_accuracy(table, RAW).axes
    last = table[(table["experiment"] == "critics") & (table["step"] == table["step"].max())]
    for axes, bound in ((nce, "nce"), (nwj, "nwj")):
        own = last[last["bound"] == bound]
        for column in ("training", "held_out"):
            assert holds(axes, own[[column, "accuracy"]].to_numpy())
            means = own.groupby("critic")[[column, "accuracy"]].mean()
            assert holds(axes, means.to_numpy())
        assert levels(axes) == [RAW]
    assert "cap log 128" in texts(nce)
    assert "cap" not in texts(nwj)
    upright = [line.get_xdata()[0] for line in nce.lines if tuple(line.get_ydata()) == (0, 1)]
    assert np.allclose(upright, math.log(128))


def test_matched_encoders_stand_at_their_target():
    table = worlds.halves(4)
    axes = matched_encoders(table, RAW).axes
    assert len(axes) == 4
    last = table[(table["experiment"] == "matched") & (table["step"] == table["step"].max())]
    for column, target in enumerate((2.0, 4.0)):
        above, below = axes[column], axes[2 + column]
        own = last[last["target"] == target]
        heights = np.concatenate(drawn(above))[:, 1]
        assert np.isin(own["accuracy"].to_numpy(), heights).all()
        assert levels(above) == [RAW]
        assert levels(below) == [target]
        heights = np.concatenate(drawn(below))[:, 1]
        assert np.isin(own["training"].to_numpy(), heights).all()
        ticks = [t.get_text() for t in below.get_xticklabels()]
        assert ticks == ["MLP", "ConvNet"]
    # accuracies of ConvNets lie right of those of MLPs, over their name
    convnet = last[(last["encoder"] == "convnet") & (last["target"] == 2)]["accuracy"]
    points = np.concatenate(drawn(axes[0]))
    places = points[np.isin(points[:, 1], convnet.to_numpy())][:, 0]
    assert (places > 1.5).all()
    assert axes[0].get_ylim() == axes[1].get_ylim()


def test_all_encoders_carry_the_rank_correlation_over_kinds():
    table = worlds.halves(3)
    (axes,) = accuracy_of_all_encoders(table, RAW).axes
    last = table[table["step"] == table["step"].max()].assign(
        target=lambda t: t["target"].fillna(0)
    )
    kinds = last.groupby(["experiment", "encoder", "critic", "bound", "target"])
    means = kinds[["held_out", "accuracy"]].mean()
    assert len(means) == 18
    assert holds(axes, means.to_numpy())
    assert holds(axes, last[["held_out", "accuracy"]].to_numpy())
    rho = rank_correlation(means["held_out"], means["accuracy"])
    assert axes.get_title("left") == f"rank correlation {rho} over 18 kinds"
    assert levels(axes) == [RAW]


def test_experiments_end_at_their_own_last_step():
    table = worlds.halves(2)
    longer = table[table["experiment"] == "matched"].assign(step=lambda t: 10 * t["step"])
    both = pd.concat([table[table["experiment"] != "matched"], longer])
    (axes,) = accuracy_of_all_encoders(both, RAW).axes
    assert "over 18 kinds" in axes.get_title("left")


def test_autoencoders_join_the_same_seed_over_draws():
    table = worlds.autoencoders(4)
    panels = autoencoders_over_draws(table.sample(frac=1, random_state=0)).axes
    for axes, column in zip(panels, ("bound", "inference_gap", "accuracy"), strict=True):
        paths = drawn(axes, 3)
        wide = table.pivot(index="seed", columns="draws", values=column).to_numpy()
        assert all(any(np.allclose(path[:, 1], own) for path in paths) for own in wide)
    assert [t.get_text() for t in panels[-1].get_xticklabels()] == ["1", "5", "50"]


def test_dependent_batches_carry_the_truth_and_all_estimates():
    table = worlds.batches(4)
    figure = dependent_estimates(table)
    for row, bound in enumerate(("nce", "nwj")):
        left, right = figure.axes[2 * row : 2 * row + 2]
        own = table[table["bound"] == bound]
        assert levels(left) == levels(right) == [0.0204]
        curves = drawn(left, 50)
        assert all(
            any(np.array_equal(points[:, 1], curve) for points in curves) for curve in own["curve"]
        )
        heights = np.concatenate(drawn(right))[:, 1]
        assert np.isin(own["estimate"].to_numpy(), heights).all()
        low, high = left.get_ylim()
        assert low < own["estimate"].min() < own["estimate"].max() < high
        # shared batches are the left group
        points = np.concatenate(drawn(right))
        shared = own.loc[own["shared"], "estimate"].to_numpy()
        assert (points[np.isin(points[:, 1], shared), 0] < 0.5).all()
    # names are written below the last row
    assert [t.get_text() for t in right.get_xticklabels()] == ["shared part", "independent"]


def test_information_of_layers_reaches_from_bound_to_bound():
    table = worlds.layers(3)
    table.loc[table.index[0], "upper"] = math.inf
    figure = information_of_layers(table)
    probe, redundancy = figure.axes
    assert "log 5000" in figure.legends[0].get_texts()[-1].get_text()
    assert redundancy.get_xscale() == "log"
    means = table.groupby(["competition", "lambda_tc"])[
        ["probe_accuracy", "weight_redundancy", "lower", "gaussian"]
    ].mean()
    for axes, measure in ((probe, "probe_accuracy"), (redundancy, "weight_redundancy")):
        assert holds(axes, means[[measure, "lower"]].to_numpy())
        assert holds(axes, means[[measure, "gaussian"]].to_numpy())
        named = [t.get_text() for t in axes.texts]
        assert named.count("λ 0.1") == 2
        assert np.allclose(levels(axes), math.log(5000))
        ends = segments(axes)
        finite = table[np.isfinite(table["upper"])]
        for _, row in finite.iterrows():
            wanted = [[row[measure], row["lower"]], [row[measure], row["upper"]]]
            assert any(np.allclose(segment, wanted) for segment in ends)


def test_untrained_layers_are_named_and_not_on_the_line():
    table = worlds.layers(3)
    untrained = table[table["lambda_tc"] == 0].assign(epochs=0, lower=5.0, upper=6.0)
    both = pd.concat([table, untrained])
    for axes in information_of_layers(both).axes:
        named = [t.get_text() for t in axes.texts]
        assert named.count("untrained") == 2
        assert named.count("λ 0") == 2
        paths = drawn(axes, 6)
        assert paths
        assert all((points[:, 1] != 5.0).all() for points in paths)


@pytest.mark.parametrize(
    ("steps", "ticks"),
    [((0,), [0, 1]), ((0, 1, 2, 5), [0, 1, 5]), ((0, 1, 10, 60), [0, 1, 10, 60]), ((0, 3), [0, 3])],
)
def test_short_trainings_have_their_steps_as_ticks(steps, ticks):
    table = worlds.adversarial(2)
    chosen = dict(zip(worlds.STEPS, steps, strict=False))
    table = table[table["step"].isin(chosen)].assign(step=lambda t: t["step"].map(chosen))
    _, below = adversarial_training(table, RAW).axes
    assert [float(t.get_text()) for t in below.get_xticklabels()] == ticks
    low, high = below.get_xlim()
    assert low < 0
    assert high > steps[-1]
