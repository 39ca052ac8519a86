"""Figures of all methods: what is drawn are the table's numbers, and names can be read."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from infomax_lib import load_dataset
from infomax_lib.model.architectures import INFOMAX
from infomax_lib.stats import mean_interval, rank_correlation
from paper.chapters.prior_art.comparison import LABELS, method_order
from paper.chapters.prior_art.figures import curves, one_value
from paper.chapters.prior_art.figures import methods as figures
from paper.chapters.prior_art.figures.views import example_views, views_shown
from paper.figures.label_placement import NamedPoint, ink, label_ends, label_points, spread_apart
from paper.figures.style import panels
from paper.measures.pruning import removable_share

FEW = ["pca", "kmeans", "simclr", "supervised", "infomax_relu"]
RNG_SEED = 3


pytestmark = pytest.mark.usefixtures("house_style")


@pytest.fixture
def rng():
    return np.random.default_rng(RNG_SEED)


def frame(rng, methods, keys=({},), seeds=3, **measures):
    """One row per method, seed and key; each measure is drawn anew from its own law."""
    return pd.DataFrame(
        [
            {"method": method, "seed": seed, **key, **{m: law() for m, law in measures.items()}}
            for method in methods
            for seed in range(seeds)
            for key in keys
        ]
    )


def baselines(rng, methods):
    return frame(
        rng,
        methods,
        probe_accuracy=lambda: rng.uniform(0.85, 0.99),
        weight_redundancy=lambda: 10 ** rng.uniform(-2, 2),
        held_out_r2=lambda: rng.uniform(-0.1, 0.9),
        flops=lambda: 10 ** rng.uniform(8, 12),
        seconds=lambda: 10 ** rng.uniform(-1, 2),
    )


def pruned(rng, methods):
    steps = [{"order": o, "removed": k, "share_removed": k / 8} for o in ORDERS for k in range(8)]
    table = frame(rng, methods, steps, accuracy=lambda: rng.uniform(-0.004, 0.004))
    table["accuracy"] += 0.9 - 0.1 * table["share_removed"] ** 2
    return table


ORDERS = ("random", "least_unique", "greedy")
TARGETS = [
    {"family": "datasets", "target": "mnist → fashion-mnist"},
    {"family": "rotation", "target": "mnist, rotated"},
    {"family": "few labels", "target": "mnist, 1 label per class"},
    {"family": "few labels", "target": "mnist, 10 labels per class"},
    {"family": "few labels", "target": "mnist, all labels per class"},
]


def transferred(rng, methods):
    return frame(rng, methods, TARGETS, accuracy=lambda: rng.uniform(0.4, 0.9))


def widened(rng, methods):
    keys = [{"hidden_dim": k} for k in (16, 32, 64)]
    return frame(rng, methods, keys, probe_accuracy=lambda: rng.uniform(0.8, 0.9))


def disentangled(rng, methods):
    return frame(
        rng,
        methods,
        mig=lambda: rng.uniform(0, 0.1),
        rotated_mig=lambda: rng.uniform(0.02, 0.03),
        named_units=lambda: rng.uniform(0, 1),
    )


def fine_tuned(rng, methods):
    keys = [{"epoch": e} for e in range(4)]
    return frame(rng, ["random", *methods], keys, accuracy=lambda: rng.uniform(0.8, 0.9))


FIGURES = {
    "measures": (
        baselines,
        lambda t: figures.measures_by_method(t, ["probe_accuracy", "held_out_r2"]),
        ["probe_accuracy", "held_out_r2"],
    ),
    "probe": (
        baselines,
        lambda t: figures.against_probe(t, ["weight_redundancy"]),
        ["weight_redundancy"],
    ),
    "cost": (baselines, one_value.cost_against_quality, ["flops", "seconds"]),
    "pruning": (pruned, curves.pruning_curves, ["accuracy"]),
    "removable": (pruned, one_value.removable_shares, ["accuracy"]),
    "transfer": (transferred, one_value.transfer_matrix, ["accuracy"]),
    "few labels": (transferred, curves.few_label_curves, ["accuracy"]),
    "widths": (widened, curves.widths_against_probe, ["probe_accuracy"]),
    "factors": (disentangled, one_value.disentanglement, ["mig", "named_units"]),
    "head start": (fine_tuned, curves.head_start_curves, ["accuracy"]),
}


def texts_outside(figure):
    """Texts that leave the figure, or what a notebook crops it to, by more than a pixel."""
    figure.canvas.draw()
    artists = [t for axes in figure.axes for t in axes.get_children() if isinstance(t, Text)]
    for axes in (axes for axes in figure.axes if axes.axison):
        artists += [axes.xaxis.label, axes.yaxis.label]
        low, high = sorted(axes.get_ylim())
        ticks = [tick for tick in axes.yaxis.get_major_ticks() if low <= tick.get_loc() <= high]
        artists += [tick.label1 for tick in ticks if tick.label1.get_visible()]
    boxes = {t.get_text(): t.get_window_extent() for t in artists if t.get_text()}
    margin = 0.1 * figure.dpi  # matplotlib's savefig.pad_inches
    crop = figure.get_tightbbox().transformed(figure.dpi_scale_trans).padded(margin)
    return [
        text
        for text, b in boxes.items()
        for frame in (figure.bbox, crop)
        if b.x0 < frame.x0 - 1 or b.y0 < frame.y0 - 1
        or b.x1 > frame.x1 + 1 or b.y1 > frame.y1 + 1
    ]  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("methods", [list(LABELS), FEW, ["pca"]], ids=["all", "few", "one"])
def test_no_text_leaves_the_figure(name, methods, rng):
    make, draw, _ = FIGURES[name]
    assert texts_outside(draw(make(rng, methods))) == []


@pytest.mark.parametrize("name", FIGURES)
def test_failed_fits_leave_a_hole_and_an_empty_table_is_refused(name, rng):
    make, draw, values = FIGURES[name]
    table = make(rng, FEW)
    whole = draw(table)
    table.loc[table["method"] == "kmeans", values] = np.nan
    table.loc[(table["method"] == "simclr") & (table["seed"] == 0), values] = np.nan
    figure = draw(table.astype({value: object for value in values}))
    figure.canvas.draw()
    drawn = [np.asarray(line.get_xydata(), float) for a in figure.axes for line in a.lines]
    marks = sum(np.isfinite(points).all(1).sum() for points in drawn)
    before = sum(len(line.get_xydata()) for a in whole.axes for line in a.lines)
    assert marks < before or name == "transfer"
    with pytest.raises(ValueError, match="no rows"):
        draw(table[:0])
    with pytest.raises(KeyError, match=values[0]):
        draw(table.drop(columns=values[0]))


# --------------------------------------------------------------------------------------- labels


def test_labels_spread_as_little_as_they_must():
    wanted = [0.5, 0.52, 0.1, 0.9, 0.51]
    places = spread_apart(wanted, 0.1, 0, 1)
    assert np.allclose(places, [0.41, 0.61, 0.1, 0.9, 0.51])  # symmetric about the mean of three
    assert np.array_equal(np.argsort(places), np.argsort(wanted))
    at_the_top = spread_apart([0.99, 0.98, 0.97], 0.1, 0, 1)
    assert np.allclose(at_the_top, [1.0, 0.9, 0.8])
    too_many = spread_apart(np.full(21, 0.5), 0.1, 0, 1)
    assert np.allclose(np.diff(np.sort(too_many)), 0.05)
    assert spread_apart([2.0], 0.1, 0, 1) == 1
    assert len(spread_apart([], 0.1, 0, 1)) == 0


def overlaps(axes):
    axes.figure.canvas.draw()
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    return sum(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_names_of_all_points_do_not_overlap(rng):
    _, axes = panels(width=7.5, height=5.6)
    points = [
        NamedPoint(text, *rng.normal(size=2), "#0072B2", bold=name in INFOMAX)
        for name, text in LABELS.items()
    ]
    axes.plot([p.x for p in points], [p.y for p in points], "o")
    label_points(axes, points)
    assert len(axes.texts) == len(LABELS) >= 32
    assert overlaps(axes) == 0
    assert [text.xy for text in axes.texts] == [(p.x, p.y) for p in points]


def test_names_of_equal_points_do_not_overlap_and_far_ones_are_tied():
    figure, axes = panels(width=7.5, height=5.6)
    axes.plot(0, 0, "o")
    names = list(LABELS.values())[:9]
    label_points(axes, [NamedPoint(text, 0.0, 0.0, "#0072B2") for text in names])
    assert overlaps(axes) == 0
    point = axes.transData.transform((0, 0))
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    gaps = [
        [max(b.x0 - point[0], point[0] - b.x1, 0), max(b.y0 - point[1], point[1] - b.y1, 0)]
        for b in boxes
    ]
    distances = np.hypot(*np.transpose(gaps)) * 72 / figure.dpi
    tied = np.array([text.arrow_patch.get_visible() for text in axes.texts])
    assert tied[distances > 17].all()
    assert not tied[distances < 15].any()
    assert 0 < tied.sum() < len(names)


def test_names_of_curves_keep_the_order_of_their_ends():
    _, axes = panels()
    values = {"a": 1.0, "b": 1.001, "c": 5.0, "d": 1.002}
    for value in values.values():
        axes.plot([0, 1], [value, value])
    label_ends(axes, [NamedPoint(text, 1, y, "#0072B2", "s") for text, y in values.items()])
    heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert sorted(heights, key=heights.get) == ["a", "b", "d", "c"]
    assert overlaps(axes) == 0
    marks = [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "s"]
    assert np.allclose(marks, list(heights.values()))


@pytest.mark.parametrize(
    "colour", sorted({colour for colour, _ in figures.method_looks().values()})
)
def test_text_in_colours_has_contrast(colour):
    def luminance(c):
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(c)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert 1.05 / (luminance(ink(colour)) + 0.05) >= 4.49
    before, after = np.array(to_rgb(colour)), np.array(to_rgb(ink(colour)))
    assert np.linalg.norm(np.cross(before, after)) < 0.01  # the same hue


# ------------------------------------------------------------------------------ general figures


def mean_marks(axes, size):
    return np.array([line.get_xydata()[0] for line in axes.lines if line.get_markersize() == size])


def test_dots_are_seeds_means_and_intervals(rng):
    table = baselines(rng, FEW)
    figure = figures.measures_by_method(table, ["held_out_r2"])
    axes, empty = figure.axes
    assert not empty.axison
    order = method_order(table)
    values = [table.loc[table["method"] == m, "held_out_r2"] for m in order]
    marks = mean_marks(axes, 7)
    assert np.allclose(marks, [(v.mean(), i) for i, v in enumerate(values)])
    bars = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 2.5]
    wanted = [mean_interval(v) for v in values]
    assert np.allclose(bars, [(i.low, i.high) for i in wanted])
    assert [t.get_text() for t in axes.get_yticklabels()] == [LABELS[m] for m in order]
    bold = {t.get_text() for t in axes.get_yticklabels() if t.get_weight() == "bold"}
    assert bold == {"InfoMax A (ReLU)"}
    legend = [t.get_text() for t in figure.legends[0].get_texts()]
    assert legend == ["control", "components", "density", "two views", "InfoMax"]


def test_points_against_the_probe_are_means_and_titles_are_correlations(rng):
    table = baselines(rng, list(LABELS))
    means = table.groupby("method")[["held_out_r2", "probe_accuracy"]].mean()
    rho = rank_correlation(means["held_out_r2"], means["probe_accuracy"])
    figure = figures.against_probe(
        table, ["held_out_r2", "weight_redundancy"], {"held_out_r2": rho}
    )
    left, right = figure.axes
    assert np.allclose(mean_marks(left, 9), means.loc[method_order(table)].to_numpy())
    assert str(rho) in left.get_title("left")
    assert right.get_title("left") == ""
    assert left.get_xscale() == "linear"  # a share, with values below zero
    assert right.get_xscale() == "symlog"
    assert {text.get_text() for text in left.texts} == set(LABELS.values())
    assert overlaps(left) == overlaps(right) == 0


def test_values_below_zero_stay_on_a_wide_axis():
    table = pd.DataFrame(
        {"method": ["pca", "kmeans"], "seed": 0, "probe_accuracy": 0.9, "hsic": [-20.0, 50.0]}
    )
    (axes,) = figures.against_probe(table, ["hsic"]).axes
    assert axes.get_xscale() == "symlog"
    assert axes.get_xlim()[0] < -20
    assert np.allclose(sorted(mean_marks(axes, 9)[:, 0]), [-20.0, 50.0])


@pytest.mark.parametrize(("methods", "blocks"), [(16, 1), (17, 2), (32, 2)])
def test_features_of_many_methods_stand_in_two_columns(methods, blocks):
    weights = {f"method {i}": torch.randn(8, 4) for i in range(methods)}
    figure = figures.features_side_by_side(weights, (2, 2), count=3)
    figure.canvas.draw()
    strips = [axes for axes in figure.axes if axes.images]
    assert sorted(axes.get_title(loc="left") for axes in strips) == sorted(weights)
    lines = -(-methods // blocks)
    order = list(weights)
    for axes in strips:
        name = axes.get_title(loc="left")
        shown = np.asarray(axes.images[0].get_array())
        for j, row in enumerate(weights[name][:3].numpy()):
            picture = shown[:, 3 * j : 3 * j + 2]
            np.testing.assert_allclose(picture, (row / np.abs(row).max()).reshape(2, 2), rtol=1e-5)
        right = blocks == 2 and order.index(name) >= lines
        assert (axes.get_position().x0 > 0.45) == right
    assert texts_outside(figure) == []
    with pytest.raises(ValueError, match="at least one"):
        figures.features_side_by_side({}, (2, 2))


def test_features_that_are_all_zero_are_drawn():
    (axes,) = figures.features_side_by_side({"none": torch.zeros(2, 4)}, (2, 2)).axes
    shown = np.asarray(axes.images[0].get_array())
    assert np.nansum(np.abs(shown)) == 0


# --------------------------------------------------------------------------------------- curves


def thick(axes, width):
    return [
        line for line in axes.lines if line.get_linewidth() == width and line.get_markersize() == 6
    ]


def test_losses_are_taken_seed_by_seed(rng):
    table = pruned(rng, list(LABELS))
    # an offset of a seed is not a loss, and a seed that failed takes its offset with it
    table["accuracy"] += 0.02 * table["seed"]
    figure = curves.pruning_curves(table)
    assert len(figure.axes) == 3
    for axes, order in zip(figure.axes, ORDERS, strict=True):
        rows = table[(table["order"] == order) & (table["method"] == "infomax_relu")]
        wide = rows.pivot(index="share_removed", columns="seed", values="accuracy")
        lost = 100 * (wide.loc[0] - wide).mean(axis=1)
        bold = thick(axes, 3.0)
        assert len(bold) == 3
        assert any(np.allclose(line.get_ydata(), lost) for line in bold)
        assert np.allclose(bold[0].get_xdata(), 100 * wide.index)
        names = {text.get_text() for text in axes.texts}
        assert names > {*INFOMAX.values(), LABELS["untrained"], LABELS["supervised"]}
        assert len(names) == 3 + 2 + 3
    thin = [line for line in figure.axes[0].lines if line.get_linewidth() == 0.9]
    assert len(thin) == len(LABELS) - 8


def test_the_best_baselines_are_named_by_default(rng):
    table = pruned(rng, list(LABELS))
    good = ["rica", "byol", "vae"]
    table.loc[table["method"].isin(good) & (table["share_removed"] > 0), "accuracy"] += 0.03
    figure = curves.pruning_curves(table[table["order"] == "greedy"])
    assert [axes.get_title("left")[:12] for axes in figure.axes] == ["least useful"]
    names = {text.get_text() for text in figure.axes[0].texts}
    named = [*INFOMAX, *good, "untrained", "supervised"]
    assert names == {LABELS[m] for m in named}


def test_curves_without_their_start_or_order_are_refused(rng):
    table = pruned(rng, FEW)
    start = (table["method"] == "pca") & (table["removed"] == 0)
    with pytest.raises(ValueError, match="pca with share_removed = 0"):
        curves.pruning_curves(table[~start])
    with pytest.raises(ValueError, match="0 removed units"):
        one_value.removable_shares(table[~start])
    with pytest.raises(ValueError, match="the table has backwards"):
        curves.pruning_curves(table.assign(order="backwards"))


def test_bands_are_intervals(rng):
    table = widened(rng, ["infomax_relu"])
    (axes,) = curves.widths_against_probe(table).axes
    corners = axes.collections[0].get_paths()[0].vertices
    for width, rows in table.groupby("hidden_dim"):
        interval = mean_interval(100 * rows["probe_accuracy"])
        heights = corners[corners[:, 0] == width, 1]
        assert heights.min() == pytest.approx(interval.low)
        assert heights.max() == pytest.approx(interval.high)
    assert axes.get_xscale() == "log"
    assert [t.get_text() for t in axes.get_xticklabels()] == ["16", "32", "64"]


def test_a_method_is_not_judged_by_the_widths_it_lacks():
    accuracy = {16: 0.5, 64: 0.9}
    better = {"pca": 0.03, "kmeans": 0.02, "gmm": 0.01, "rica": 0.0, "rbm": 0.04}
    table = pd.DataFrame(
        [
            {"method": m, "seed": 0, "hidden_dim": k, "probe_accuracy": a + gain}
            for m, gain in better.items()
            for k, a in accuracy.items()
            if (m, k)
            not in {("pca", 64), ("rica", 16)}  # the best has no wide, the worst no narrow
        ]
    )
    (axes,) = curves.widths_against_probe(table).axes
    names = {text.get_text() for text in axes.texts}
    assert names == {"RBM, CD-1", "k-means triangle", "Gaussian mixture"}  # PCA ends before


def test_labels_per_class_are_read_from_targets(rng):
    table = transferred(rng, FEW)
    second = table.assign(target=table["target"].str.replace("mnist", "digits"))
    figure = curves.few_label_curves(pd.concat([table, second]))
    assert [axes.get_title("left") for axes in figure.axes] == ["MNIST", "digits"]
    axes = figure.axes[0]
    ticks = dict(
        zip([t.get_text() for t in axes.get_xticklabels()], axes.get_xticks(), strict=True)
    )
    assert ticks == {"1": 1, "10": 10, "all": 100}
    rows = table[(table["method"] == "infomax_relu") & (table["family"] == "few labels")]
    wanted = 100 * rows.groupby("target", sort=False)["accuracy"].mean()
    (curve,) = thick(axes, 3.0)
    assert np.allclose(curve.get_xydata(), np.column_stack([[1, 10, 100], wanted]))
    assert "PCA" in {text.get_text() for text in axes.texts}
    with pytest.raises(ValueError, match="number of labels"):
        curves.few_label_curves(table.assign(family="few labels"))
    with pytest.raises(ValueError, match="few labels"):
        curves.few_label_curves(table[table["family"] == "rotation"])


def test_head_starts_are_paired_with_random_weights(rng):
    table = fine_tuned(rng, FEW)
    table["accuracy"] += 0.05 * table["seed"]  # shared by all methods of a seed
    (axes,) = curves.head_start_curves(table).axes
    wide = table.pivot(index=["epoch", "seed"], columns="method", values="accuracy")
    gain = 100 * (wide["infomax_relu"] - wide["random"])
    (curve,) = thick(axes, 3.0)
    assert np.allclose(curve.get_ydata(), gain.groupby("epoch").mean())
    low = axes.collections[FEW.index("infomax_relu")].get_paths()[0].vertices[:, 1].min()
    intervals = [mean_interval(v) for _, v in gain.groupby("epoch")]
    assert low == pytest.approx(min(i.low for i in intervals))
    assert {t.get_text() for t in axes.texts} == {LABELS[m] for m in FEW}
    with pytest.raises(ValueError, match="random"):
        curves.head_start_curves(table[table["method"] != "random"])


# ------------------------------------------------------------------------------- one value each


def test_removable_shares_are_the_largest_over_orders(rng):
    table = pruned(rng, FEW)
    (axes,) = one_value.removable_shares(table).axes
    wanted = {}
    for method in FEW:
        of_seeds = []
        for seed in range(3):
            rows = table[(table["method"] == method) & (table["seed"] == seed)]
            of_orders = [removable_share(rows[rows["order"] == o], 0.01) for o in ORDERS]
            of_seeds.append(100 * max(of_orders))
        wanted[LABELS[method]] = np.mean(of_seeds)
    shown = [t.get_text() for t in axes.get_yticklabels()]
    marks = mean_marks(axes, 7)
    assert np.allclose(marks[:, 0], [wanted[text] for text in shown])
    assert (np.diff(marks[:, 0]) >= 0).all()


def test_mig_stands_beside_that_of_rotations(rng):
    table = disentangled(rng, FEW)
    left, right = one_value.disentanglement(table).axes
    means = table.groupby("method")[["mig", "rotated_mig", "named_units"]].mean()
    means = means.sort_values("mig", ascending=False)
    assert [t.get_text() for t in left.get_yticklabels()] == [LABELS[m] for m in means.index]
    assert np.allclose(mean_marks(left, 7)[:, 0], means["mig"])
    (bars,) = [line for line in left.lines if line.get_marker() == "|"]
    assert np.allclose(bars.get_xydata(), np.column_stack([means["rotated_mig"], range(5)]))
    assert np.allclose(mean_marks(right, 7)[:, 0], 100 * means["named_units"])


def test_matrix_holds_means_and_frames_the_best_without_labels(rng):
    table = transferred(rng, FEW)
    table.loc[table["method"] == "supervised", "accuracy"] += 0.5
    hole = (table["method"] == "simclr") & (table["family"] == "rotation")
    table.loc[hole, "accuracy"] = np.nan
    table.loc[table["method"] == "simclr", "accuracy"] += 0.3
    (axes,) = one_value.transfer_matrix(table).axes
    shown = [t.get_text() for t in axes.get_yticklabels()]
    targets = [t.get_text() for t in axes.get_xticklabels()]
    assert targets == [key["target"] for key in TARGETS]
    wide = 100 * table.groupby(["method", "target"])["accuracy"].mean().unstack()[targets]
    complete = wide.dropna().mean(axis=1).sort_values(ascending=False)
    assert shown == [LABELS[m] for m in complete.index] + ["SimCLR"]
    wide = wide.loc[[*complete.index, "simclr"]]
    cells = {t.get_position(): t.get_text() for t in axes.texts if t.get_fontsize() == 9}
    assert len(cells) == wide.size
    for row, column in np.ndindex(wide.shape):
        value = wide.iloc[row, column]
        assert cells[column, row] == ("–" if np.isnan(value) else f"{value:.1f}")
    frames = [p for p in axes.patches if isinstance(p, Rectangle)]
    found = [
        (round(p.get_x() + p.get_width() / 2), round(p.get_y() + p.get_height() / 2))
        for p in frames
    ]
    best = wide.drop("supervised").idxmax()
    assert found == [(i, wide.index.get_loc(best[t])) for i, t in enumerate(targets)]
    shades = np.ma.filled(axes.images[0].get_array(), np.nan)
    assert np.allclose(np.nanmin(shades, 0), 0)
    assert np.allclose(np.nanmax(shades, 0), 1)


def test_points_without_a_name_have_no_label_and_keep_others_off():
    def places(*more):
        figure, axes = panels()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        label_points(axes, [NamedPoint("here", 0.5, 0.5, "#000000"), *more])
        figure.canvas.draw()
        (text,) = axes.texts
        return Text.get_window_extent(text), axes.transData.transform([(m.x, m.y) for m in more])

    alone, _ = places()
    centre = alone.get_points().mean(0)
    figure, axes = panels()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    figure.draw_without_rendering()
    taken = axes.transData.inverted().transform(centre)
    moved, (obstacle,) = places(NamedPoint("", *taken, "#000000"))
    assert alone.contains(*obstacle)
    assert not moved.contains(*obstacle)


def test_front_is_what_no_cheaper_method_reaches(rng):
    table = baselines(rng, list(LABELS))
    table.loc[table["method"] == "untrained", "flops"] = 0
    table.loc[table["method"] == "supervised", "probe_accuracy"] = 1.0
    first, second = one_value.cost_against_quality(table).axes
    for axes, cost in ((first, "flops"), (second, "seconds")):
        means = table.groupby("method")[[cost, "probe_accuracy"]].mean()
        drawn = mean_marks(axes, 9)
        assert np.allclose(np.sort(drawn[:, 0]), np.sort(means[cost]))
        means = means.drop("supervised")
        wanted = [
            (x, 100 * y)
            for x, y in means.sort_values(cost).to_numpy()
            if not ((means[cost] < x) & (means["probe_accuracy"] >= y)).any()
        ]
        (front,) = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
        assert np.allclose(front.get_xydata(), wanted)
        assert overlaps(axes) == 0
        leaders = table.groupby(["method"])["probe_accuracy"].mean().groupby(figures.family_of)
        named = {*leaders.idxmax(), *INFOMAX, "untrained", "supervised"}
        named |= {m for m, (x, y) in means.iterrows() if (x, 100 * y) in wanted}
        assert {text.get_text() for text in axes.texts} == {LABELS[m] for m in named}
    assert first.get_xscale() == "symlog"  # what costs nothing has its place
    assert second.get_xscale() == "log"
    assert first.get_xlim()[0] < 0


# --------------------------------------------------------------------------------------- views


def test_views_of_examples():
    data = load_dataset("digits")
    images, views = example_views(data, count=4, views=5, seed=1)
    assert views.shape == (4, 5, 64)
    for digit, image in enumerate(images):
        assert image.equal(data.train[data.train_labels == digit][0])
    # a view is nearer to its own image than to the others', on average over views
    distance = torch.cdist(views.flatten(0, 1), images).view(4, 5, 4).mean(1)
    assert distance.argmin(1).tolist() == [0, 1, 2, 3]
    assert len(torch.unique(views[0], dim=0)) == 5
    again = example_views(data, count=4, views=5, seed=1)[1]
    other = example_views(data, count=4, views=5, seed=2)[1]
    assert views.equal(again)
    assert not views.equal(other)
    figure = views_shown(images, views, (8, 8))
    shown = [np.asarray(axes.images[0].get_array()) for axes in figure.axes]
    assert len(shown) == 4 * 6
    assert np.array_equal(shown[6], images[1].view(8, 8))
    assert np.array_equal(shown[8], views[1, 1].view(8, 8))


def test_views_that_cannot_be_shown_are_refused():
    data = load_dataset("digits")
    for wrong in ({"count": 0}, {"count": 11}, {"views": 0}):
        with pytest.raises(ValueError, match="not possible"):
            example_views(data, **wrong)
    images, views = example_views(data, 2, 3)
    for wrong in ((images[:1], views), (images, views[..., :5]), (images[:0], views[:0])):
        with pytest.raises(ValueError, match="belong together"):
            views_shown(*wrong, (8, 8))
