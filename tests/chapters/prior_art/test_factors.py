"""What each known factor does to an image, and that levels are independent and balanced."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.stats import chi2_contingency

from infomax_lib.model.data import load_dataset
from paper.chapters.prior_art.measured import factors
from paper.chapters.prior_art.measured.factors import LEVELS, known_factors, thickened

STILL = {name: (1.0,) if name == "scale" else (0.0,) for name in LEVELS}


@pytest.fixture(scope="module")
def digits():
    data = load_dataset("digits")
    return data.train.double(), data.train_labels


def pictures(samples=40, side=8, seed=0):
    draw = torch.Generator().manual_seed(seed)
    images = torch.rand(samples, side * side, generator=draw, dtype=torch.float64)
    return images, torch.arange(samples) % 3


def with_levels(levels, images, labels, side):
    """Factors at other levels; those that are not named do not vary."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(factors, "LEVELS", STILL | levels)
        return known_factors(images, labels, (side, side), 0)


def made(name, levels, side=8, **inputs):
    """Images before and after, as pictures, and the level of the one factor that varies."""
    images, labels = pictures(side=side, **inputs)
    found = with_levels({name: levels}, images, labels, side)
    before, after = (x.view(-1, side, side).numpy() for x in (images, found.images))
    return before, after, found.levels[:, 1 + list(LEVELS).index(name)].numpy()


class TestLevels:
    def test_every_level_falls_on_as_many_images(self, digits):
        found = known_factors(*digits, (8, 8), 3)
        assert found.levels.shape == (len(digits[0]), 1 + len(LEVELS))
        assert found.levels.dtype == torch.int64
        for column, values in zip(found.levels.T[1:], LEVELS.values(), strict=True):
            counts = column.bincount()
            assert len(counts) == len(values)
            assert counts.max() - counts.min() <= 1

    def test_factors_are_independent_of_each_other_and_of_the_class(self, digits):
        columns = known_factors(*digits, (8, 8), 0).levels.T.numpy()
        p_values = []
        for i, first in enumerate(columns):
            for second in columns[:i]:
                table = np.zeros((first.max() + 1, second.max() + 1))
                np.add.at(table, (first, second), 1)
                p_values.append(chi2_contingency(table).pvalue)
        assert len(p_values) == 15
        assert min(p_values) > 0.01 / 15

    def test_classes_are_numbered_from_zero(self):
        images, _ = pictures(6)
        labels = torch.tensor([7, 3, 3, 9, 7, 9])
        found = known_factors(images, labels, (8, 8), 0)
        assert found.levels[:, 0].tolist() == [1, 0, 0, 2, 1, 2]

    def test_a_seed_repeats_and_another_differs(self, digits):
        first, again, other = (known_factors(*digits, (8, 8), seed) for seed in (1, 1, 2))
        assert torch.equal(first.levels, again.levels)
        assert torch.equal(first.images, again.images)
        assert torch.equal(first.levels[:, 0], other.levels[:, 0])
        assert ((first.levels != other.levels)[:, 1:].double().mean(0) > 0.7).all()

    def test_every_factor_has_a_level_that_changes_nothing(self):
        for name, values in LEVELS.items():
            assert (1 if name == "scale" else 0) in values
            assert len(values) == 5


class TestImages:
    @pytest.mark.parametrize("name", list(LEVELS))
    def test_unchanged_at_the_level_without_change_and_changed_at_the_others(self, name):
        before, after, level = made(name, LEVELS[name])
        still = level == LEVELS[name].index(1 if name == "scale" else 0)
        np.testing.assert_allclose(after[still], before[still], atol=1e-12)
        assert (np.abs(after - before)[~still].max((1, 2)) > 0.05).all()

    def test_without_factors_images_stay_as_they_are(self):
        images, labels = pictures()
        found = with_levels({}, images, labels, 8)
        torch.testing.assert_close(found.images, images)

    @pytest.mark.parametrize("degrees", [-40, 25, 90])
    def test_rotation_is_that_of_scipy(self, degrees):
        before, after, level = made("rotation", (0, degrees), side=9)
        for x, y in zip(before[level == 1], after[level == 1], strict=True):
            expected = ndimage.rotate(x, degrees, reshape=False, order=1, mode="grid-constant")
            np.testing.assert_allclose(y, expected, atol=1e-9)

    def test_half_the_size_is_half_as_wide(self):
        before, after, level = made("scale", (1, 0.5))
        for x, y in zip(before[level == 1], after[level == 1], strict=True):
            # pixel centre p of the result comes from c + 2 (p - c), with c the image's centre
            expected = ndimage.affine_transform(x, [2, 2], -3.5, order=1, mode="grid-constant")
            np.testing.assert_allclose(y, expected, atol=1e-9)

    @pytest.mark.parametrize(("name", "axis"), [("horizontal_shift", 2), ("vertical_shift", 1)])
    def test_a_quarter_of_the_side_is_two_of_eight_pixels(self, name, axis):
        before, after, level = made(name, (0, 0.25))
        moved = np.roll(before, 2, axis)  # to the right, or down
        moved[(slice(None),) * axis + (slice(2),)] = 0
        np.testing.assert_allclose(after[level == 1], moved[level == 1], atol=1e-12)

    def test_thickness_comes_first_and_shifts_last(self):
        images, labels = pictures()
        levels = {name: LEVELS[name] for name in ("rotation", "horizontal_shift", "thickness")}
        found = with_levels(levels, images, labels, 8)
        for x, y, (_, turn, _, right, _, pen) in zip(
            images.view(-1, 8, 8), found.images.view(-1, 8, 8), found.levels.tolist(), strict=True
        ):
            amount = torch.tensor([levels["thickness"][pen]], dtype=torch.float64)
            drawn = thickened(x[None], amount)[0].numpy()
            angle = np.radians(levels["rotation"][turn])
            inverse = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            shift = np.array([0, 8 * levels["horizontal_shift"][right]])
            expected = ndimage.affine_transform(
                drawn, inverse, 3.5 - inverse @ (3.5 + shift), order=1, mode="grid-constant"
            )
            np.testing.assert_allclose(y, expected, atol=1e-9)

    def test_stay_in_range_and_keep_their_type(self, digits):
        images = digits[0].float()
        found = known_factors(images, digits[1], (8, 8), 0).images
        assert found.shape == images.shape
        assert found.dtype == torch.float32
        assert found.min() >= 0
        assert found.max() <= 1
        white = known_factors(torch.ones(500, 81), torch.arange(500) % 2, (9, 9), 0).images
        assert white.max() == 1

    def test_what_is_given_is_not_written_to(self):
        images, labels = pictures()
        kept = images.clone()
        known_factors(images, labels, (8, 8), 0)
        assert torch.equal(images, kept)


class TestThickness:
    def test_full_amounts_are_grey_dilation_and_erosion(self):
        x = pictures(5, 9)[0].view(5, 9, 9)
        for amount, reference in ((1, ndimage.grey_dilation), (-1, ndimage.grey_erosion)):
            found = thickened(x, torch.full((5,), float(amount), dtype=torch.float64))
            for image, y in zip(x.numpy(), found, strict=True):
                np.testing.assert_allclose(y, reference(image, (3, 3), mode="nearest"))

    def test_between_them_images_are_blended(self):
        x = pictures(1)[0].view(1, 8, 8)
        end = {t: thickened(x, torch.tensor([float(t)], dtype=torch.float64)) for t in (-1, 1)}
        for t in (-0.75, -0.25, 0.5):
            found = thickened(x, torch.tensor([t], dtype=torch.float64))
            expected = (1 - abs(t)) * x + abs(t) * end[1 if t > 0 else -1]
            torch.testing.assert_close(found, expected)

    def test_ink_grows_with_the_amount_in_every_pixel(self, digits):
        x = digits[0][:50].view(50, 8, 8)
        amounts = torch.linspace(-1, 1, 9, dtype=torch.float64)
        drawn = torch.stack([thickened(x, t.expand(50)) for t in amounts])
        assert (drawn.diff(dim=0) >= -1e-12).all()
        assert (drawn.sum((2, 3)).diff(dim=0) > 0).all()

    def test_a_line_gets_wider_by_a_pixel_on_each_side_or_vanishes(self):
        x = torch.zeros(2, 7, 7)
        x[:, :, 3] = 1
        thick, thin = thickened(x, torch.tensor([1.0, -1.0]))
        assert thick[0].tolist() == [0, 0, 1, 1, 1, 0, 0]
        assert thin.sum() == 0


class TestErrors:
    @pytest.mark.parametrize("shape", [None, (4, 16), (16, 4)])
    def test_images_must_be_square(self, shape):
        with pytest.raises(ValueError, match="square"):
            known_factors(*pictures(), shape, 0)

    def test_shapes_must_fit(self):
        images, labels = pictures()
        with pytest.raises(ValueError, match=r"need shape \(N, 81\)"):
            known_factors(images, labels, (9, 9), 0)
        for shape in ((-1, 8, 8), (-1, 64, 1), (-1,)):
            with pytest.raises(ValueError, match="flatten"):
                known_factors(images.view(shape), labels, (8, 8), 0)
        with pytest.raises(ValueError, match="40 images need as many labels"):
            known_factors(images, labels[:-1], (8, 8), 0)
