"""Regions of the input space."""

from itertools import product
from math import comb, log2

import torch

from paper.chapters.theory.identities.check import Check, normal
from paper.measures.regions import count_regions, regions_in_general_position

_SIZES = ((3, 1), (5, 2), (4, 3), (6, 3), (3, 5))  # hyperplanes and dimensions

CHECKS = {
    "regions": Check(
        draw=lambda g: ([normal(g, k, n + 1) for k, n in _SIZES],),
        left=lambda planes: torch.tensor([count_regions(p[:, 1:], p[:, 0]) for p in planes]),
        right=lambda planes: torch.tensor(
            [sum(comb(len(p), i) for i in range(p.shape[1])) for p in planes]
        ),
    ),
    "central_regions": Check(
        draw=lambda g: ([normal(g, k, n) for k, n in _SIZES],),
        left=lambda planes: torch.tensor([count_regions(p) for p in planes]),
        right=lambda planes: torch.tensor(
            [2 * sum(comb(len(p) - 1, i) for i in range(p.shape[1])) for p in planes]
        ),
    ),
    "two_to_the_k": Check(
        draw=lambda g: (list(product(range(1, 12), repeat=2)),),
        left=lambda sizes: torch.tensor(
            [log2(regions_in_general_position(k, n)) == k for k, n in sizes]
        ),
        right=lambda sizes: torch.tensor([k <= n for k, n in sizes]),
    ),
    "correlated_partitions": Check(
        draw=lambda g: (normal(g, 1, 2).expand(5, 2), normal(g, 5)),
        left=lambda w, b: torch.tensor([count_regions(w, b), count_regions(w, b[:1].expand(5))]),
        right=lambda w, b: torch.tensor([len(w) + 1, 2]),
    ),
}
