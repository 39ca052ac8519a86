"""Frames of the sliders: each shows its own value, and panels keep their limits."""

import math

import mutual_information_worlds as worlds
import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle
from scipy import stats

from paper.chapters.mutual_information.frames import (
    classification_frames,
    entropy_frames,
    independence_frames,
    invariance_frames,
    joint_tables,
)
from paper.information.entropy import mutual_information

pytestmark = pytest.mark.usefixtures("house_style")


def marks(axes):
    """Points that stand alone."""
    found = [np.asarray(line.get_xydata(), dtype=float) for line in axes.lines]
    return [tuple(points[0]) for points in found if len(points) == 1]


def limits(frames):
    columns = zip(*(figure.axes for figure in frames), strict=True)
    return [{(axes.get_xlim(), axes.get_ylim()) for axes in column} for column in columns]


def test_bars_and_point_of_the_entropy_are_of_one_probability():
    table = worlds.entropies(41)
    frames = entropy_frames(table.sample(frac=1, random_state=0))
    shown = np.linspace(0, 1, 11)
    assert frames.labels == [f"{p:.2f}" for p in shown]
    for figure, p in zip(frames.figures, shown, strict=True):
        bars, curve = figure.axes
        heights = [b.get_height() for b in bars.patches if isinstance(b, Rectangle)]
        assert np.allclose(heights, [1 - p, p])
        assert np.allclose(marks(curve), [(p, stats.entropy([p, 1 - p]))])
        assert any(np.allclose(line.get_ydata(), math.log(2)) for line in curve.lines)
    assert all(len(each) == 1 for each in limits(frames.figures))


def test_joint_tables_keep_their_margins_and_gain_information():
    rows, columns = (0.2, 0.3, 0.5), (0.25, 0.25, 0.5)
    tables = joint_tables()
    information = []
    for table in tables.values():
        assert table.min() >= 0
        assert np.allclose(table.sum(1), rows)
        assert np.allclose(table.sum(0), columns)
        information.append(float(mutual_information(torch.tensor(table))))
    assert information[0] == pytest.approx(0)
    assert (np.diff(information) > 0).all()
    # at full strength both rise in step, as far as these margins let them
    steps = np.minimum.outer(np.cumsum(rows), np.cumsum(columns))
    assert np.allclose(tables[1.0].cumsum(0).cumsum(1), steps)


def test_joint_tables_stand_beside_the_product_of_their_margins():
    joints = joint_tables()
    frames = independence_frames(worlds.independence())
    assert frames.labels == ["0.00", "0.20", "0.40", "0.60", "0.80", "1.00"]
    for figure, (strength, joint) in zip(frames.figures, joints.items(), strict=True):
        left, middle, right = figure.axes
        assert np.allclose(left.images[0].get_array(), joint)
        product = np.outer(joint.sum(1), joint.sum(0))
        assert np.allclose(middle.images[0].get_array(), product)
        expected = stats.entropy(joint.ravel(), product.ravel())
        assert np.allclose(marks(right), [(strength, expected)])
        shades = [axes.images[0].get_clim() for axes in (left, middle)]
        assert shades[0] == shades[1] == (0, 0.5)
    assert all(len(each) == 1 for each in limits(frames.figures))


def test_a_map_changes_the_samples_and_the_correlation_but_not_the_information():
    frames = invariance_frames()
    truth = -0.5 * math.log(1 - 0.8**2)
    clouds = [figure.axes[0].lines[0].get_xydata() for figure in frames.figures]
    start, middle, end = clouds[0], clouds[4], clouds[8]
    assert not np.allclose(start, end)
    assert np.allclose(middle, (start + end) / 2)
    assert np.allclose(end[:, 0], 2 * np.tanh(start[:, 0]))
    assert np.allclose(end[:, 1], np.exp(start[:, 1]) - 1)
    # an increasing map keeps every order
    assert (start.argsort(0) == end.argsort(0)).all()
    for figure, share in zip(frames.figures, np.linspace(0, 1, 9), strict=True):
        neighbours, linear = marks(figure.axes[1])
        assert neighbours[0] == linear[0] == share
        assert abs(neighbours[1] - truth) < 0.12
        r = np.corrcoef(figure.axes[0].lines[0].get_xydata().T)[0, 1]
        assert math.isclose(linear[1], -0.5 * math.log(1 - r**2), rel_tol=1e-9)
    assert marks(frames.figures[0].axes[1])[1][1] - marks(frames.figures[8].axes[1])[1][1] > 0.1
    assert all(len(each) == 1 for each in limits(frames.figures))


def scores_at(*informations):
    rng = np.random.default_rng(0)
    return {
        i: (i + math.sqrt(i) * rng.normal(size=300), -i + math.sqrt(i) * rng.normal(size=300))
        for i in informations
    }


def test_frames_of_classification_highlight_their_information():
    table = worlds.classifiers(4)
    frames = classification_frames(scores_at(0.0, 1.0, 4.0), table)
    assert frames.labels == ["0 nats", "1 nats", "4 nats"]
    for figure, information in zip(frames.figures, (0.0, 1.0, 4.0), strict=True):
        left, right = figure.axes
        own = table[table["information"] == information]
        assert f"{100 * own['accuracy'].mean():.1f} %" in left.get_title("left")
        large = [line for line in right.lines if line.get_markersize() == 11]
        assert [tuple(line.get_xydata()[0]) for line in large] == [
            (information, pytest.approx(own["estimate"].mean()))
        ]
        shares = left.patches[0].get_data().values
        assert shares.sum() == pytest.approx(100)
        (truth,) = [line for line in right.lines if line.get_label() == "truth"]
        assert np.array_equal(truth.get_xdata(), truth.get_ydata())
    assert all(len(each) == 1 for each in limits(frames.figures))
    with pytest.raises(ValueError, match="at 7 nats: there are some at 0, 0"):
        classification_frames(scores_at(7.0), table)


def test_failed_critics_leave_a_hole():
    table = worlds.classifiers(3)
    table.loc[table["information"] == 1, ["accuracy", "estimate"]] = np.nan
    frames = classification_frames(scores_at(1.0), table)
    left, _ = frames.figures[0].axes
    assert "not measured" in left.get_title("left")
    frames.figures[0].draw_without_rendering()


def test_information_in_the_frames_is_that_of_the_library():
    joint = torch.tensor(joint_tables()[1.0])
    figure = independence_frames(worlds.independence()).figures[-1]
    (drawn,) = {height for _, height in marks(figure.axes[2])}
    assert drawn == pytest.approx(float(mutual_information(joint)))
