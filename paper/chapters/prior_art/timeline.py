r"""Prior art by year: objective of each work, and what of it stands in the objective of this one.

Notation: an input x with D numbers has outputs a = relu(h) (A) or a = softmax(h) (B), h = W x + b,
of K units; Σ is the covariance of the outputs, R their correlation, G the Gram matrix of the rows
of W at unit length. This work minimises, with small constants left out,

.. math:: L = -\sum_j \log \mathrm{Var}(a_j)
              + \lambda_{tc} \|R - I\|_F^2 + \lambda_{wr} \|G - I\|_F^2

(:mod:`infomax_lib.model.objective`). Where a work says a thing in words or in other symbols, its
objective is written in these. Formulas are TeX that both MathJax and matplotlib read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infomax_lib.model.architectures import INFOMAX
from paper.chapters.prior_art.comparison import LABELS
from paper.chapters.prior_art.figures.methods import method_looks
from paper.figures.style import GREY, panels
from paper.figures.tables import table_html
from paper.methods.methods import METHODS

__all__ = ["LANES", "TIMELINE", "Work", "timeline_figure", "timeline_table"]


@dataclass(frozen=True)
class Work:
    """One work of prior art.

    Attributes:
        year: Of publication, as in the bibliography.
        authors: One or two surnames, or the first with "et al.".
        name: Short name of the idea, as the figure shows it.
        family: A key of `LANES`; that of the methods it is measured by.
        objective: What is optimised, a TeX formula without dollar signs.
        shares: What of it is a term of this work's objective; TeX between dollar signs.
        key: Its entry in the bibliography.
        methods: Keys of `METHODS` by which the chapter measures it; none where it only cites.
    """

    year: int
    authors: str
    name: str
    family: str
    objective: str
    shares: str
    key: str
    methods: tuple[str, ...] = ()


#: Families in the order of their lanes, and how readers see them called.
LANES = {
    "InfoMax": "information",
    "components": "components",
    "density": "density",
    "reconstruction": "reconstruction",
    "prediction": "prediction",
    "two views": "two views",
}

#: In order of years.
TIMELINE = (
    Work(
        1961,
        "Barlow",
        "redundancy reduction",
        "InfoMax",
        r"\min \sum_j H(a_j) - H(a)",
        r"Total correlation. For Gaussian outputs it is $-\frac{1}{2} \log \det R = "
        r"\frac{1}{4} \|R - I\|_F^2 + O(\|R - I\|^3)$: the second term.",
        "barlow1961",
    ),
    Work(
        1977,
        "Dempster et al.",
        "EM, mixtures",
        "density",
        r"\max \mathbb{E} \log \sum_k \pi_k p(x | k)",
        r"The E-step $p(k | x) = \mathrm{softmax}_k(\log \pi_k p(x | k))$ is the output of B where "
        r"$\log \pi_k p(x | k) = h_k$ but for a term without $k$.",
        "dempster1977",
        ("gmm",),
    ),
    Work(
        1988,
        "Bourlard & Kamp",
        "autoencoder",
        "reconstruction",
        r"\min \mathbb{E} \|x - V a\|^2",
        r"None. For a linear code $a = W x$ the value is the same with $M a$ and $V M^{-1}$ for "
        r"any invertible $M$: $R$ is free.",
        "bourlard1988",
        ("autoencoder",),
    ),
    Work(
        1988,
        "Linsker",
        "infomax principle",
        "InfoMax",
        r"\max I(a; x), \; I(a_j; x) = \frac{1}{2} \log(\mathrm{Var}(a_j) / \sigma^2)",
        r"For Gaussian outputs with noise of variance $\sigma^2$ the first term is "
        r"$-2 \sum_j I(a_j; x)$, but for a constant.",
        "linsker1988",
    ),
    Work(
        1992,
        "Bridle et al.",
        "unsupervised classifier",
        "InfoMax",
        r"\max H(\mathbb{E}[a]) - \mathbb{E}[H(a)]",
        r"The softmax of B, and its optimum: $\mathrm{Var}(a_k) \leq p_k (1 - p_k)$ with "
        r"$p_k = \mathbb{E}[a_k]$, so $-\sum_k \log \mathrm{Var}(a_k)$ too is best for one-hot "
        r"outputs with all $p_k = 1/K$.",
        "bridle1992",
    ),
    Work(
        1992,
        "Schmidhuber",
        "predictability minimization",
        "InfoMax",
        r"\max_a \min_P \sum_j \mathbb{E} (a_j - P_j(a_{\setminus j}))^2",
        r"For linear $P_j$ and unit variances the summand is $1 / (R^{-1})_{jj}$, which is 1 for "
        r"all $j$ only where $\|R - I\|_F^2 = 0$.",
        "schmidhuber1992",
    ),
    Work(
        1992,
        "Schraudolph & Sejnowski",
        "anti-Hebbian invariants",
        "InfoMax",
        r"\Delta w_j \propto -a_j x",
        r"The first term with the opposite sign: the rule descends on "
        r"$\frac{1}{2} \mathbb{E}[a_j^2]$, for $a_j = w_j^\top x$. Units compete.",
        "schraudolph1992",
    ),
    Work(
        1993,
        "Schraudolph & Sejnowski",
        "binary information gain",
        "InfoMax",
        r"\max \sum_j \mathbb{E}[H(\hat{a}_j) - H(a_j)]",
        r"$H$ is the entropy of a logistic unit and $\hat{a}_j$ the output expected before. With "
        r"$\hat{a}_j = \mathbb{E}[a_j]$ it is best, as $-\log \mathrm{Var}(a_j)$ is, for outputs 0 "
        r"and 1, equally often.",
        "schraudolph1993",
    ),
    Work(
        1995,
        "Bell & Sejnowski",
        "infomax ICA",
        "components",
        r"\max \log |\det W| + \sum_j \mathbb{E} \log g'(w_j^\top x)",
        r"For $a = W x$, $2 \log |\det W| = \sum_j \log \mathrm{Var}(a_j) + \log \det R$ but for a "
        r"constant: both terms. The sum over $g'$, which bounds the scale of $W$, is missing here.",
        "bell1995",
        ("picard",),
    ),
    Work(
        1999,
        "Hyvärinen",
        "FastICA",
        "components",
        r"\max \sum_j (\mathbb{E} G(a_j) - \mathbb{E} G(\nu))^2, \; \Sigma = I",
        r"Both terms as a constraint: with $\Sigma = I$ they are constant, and zero. "
        r"($\nu$ is a Gaussian variable.)",
        "hyvarinen1999",
        ("fastica",),
    ),
    Work(
        2002,
        "Hinton",
        "contrastive divergence, RBM",
        "density",
        r"\max \mathbb{E} [b^\top x + \sum_j \log(1 + e^{h_j})] - \log Z",
        r"A log-sum-exp per unit, over its two states; $\log \sum_k e^{h_k}$ (here with weight "
        r"$\lambda_{lse}$) is one over all units, which therefore compete.",
        "hinton2002",
        ("rbm", "rbm_cd5"),
    ),
    Work(
        2006,
        "Hinton et al.",
        "stacked RBMs",
        "density",
        r"\log p(x) \geq \mathbb{E}_q[\log p(x, a)] + H(q(a | x))",
        r"None; layers are trained one after the other, each on the outputs of the one below, as "
        r"stacks of InfoMax layers are.",
        "hinton2006",
    ),
    Work(
        2008,
        "Tieleman",
        "persistent CD, RBM",
        "density",
        r"\max \mathbb{E} [b^\top x + \sum_j \log(1 + e^{h_j})] - \log Z",
        r"As contrastive divergence, whose gradient it estimates by chains that go on.",
        "tieleman2008",
        ("rbm_pcd",),
    ),
    Work(
        2008,
        "Vincent et al.",
        "denoising autoencoder",
        "reconstruction",
        r"\min \mathbb{E} \|x - V a(\tilde{x})\|^2",
        r"None; as the autoencoder, from a corrupted $\tilde{x}$.",
        "vincent2008",
        ("denoising_autoencoder",),
    ),
    Work(
        2011,
        "Coates et al.",
        "k-means, triangle features",
        "density",
        r"\min \mathbb{E} \min_k \|x - c_k\|^2",
        r"$a_k = \mathrm{relu}(\frac{1}{K} \sum_j z_j - z_k)$ with $z_k = \|x - c_k\|$ is a ReLU "
        r"with one threshold for all units; the centres' assignments are a softmax of "
        r"$-\beta z_k^2$, $\beta \to \infty$.",
        "coates2011",
        ("kmeans",),
    ),
    Work(
        2011,
        "Le et al.",
        "RICA",
        "components",
        r"\min \lambda \, \mathbb{E} \|W^\top W x - x\|^2 + \sum_j \mathbb{E} |w_j^\top x|",
        r"For white $x$ the first term is $\lambda \|W W^\top - I\|_F^2$ but for a constant: the "
        r"third term, with rows of any length.",
        "le2011",
        ("rica",),
    ),
    Work(
        2011,
        "Ngiam et al.",
        "sparse filtering",
        "components",
        r"\min \sum_{n,k} \hat{f}_{nk}, \; \hat{f}_n = \tilde{f}_n / \|\tilde{f}_n\|, "
        r"\; \sum_n \tilde{f}_{nk}^2 = 1",
        r"Every unit equally active, as a constraint. $-\sum_j \log \mathrm{Var}(a_j)$ rewards it: "
        r"for a given sum of variances it is least where they are equal.",
        "ngiam2011",
        ("sparse_filtering",),
    ),
    Work(
        2014,
        "Kingma & Welling",
        "VAE",
        "reconstruction",
        r"\max \mathbb{E}_q[\log p(x | a)] - \mathrm{KL}(q(a | x) \| p(a))",
        r"The mean of the second term is $I(x; a) + \sum_j \mathrm{KL}(q(a_j) \| p(a_j))$ plus the "
        r"total correlation of the noisy code $a$.",
        "kingma2014",
        ("vae",),
    ),
    Work(
        2014,
        "Makhzani & Frey",
        "k-sparse autoencoder",
        "reconstruction",
        r"\min \mathbb{E} \|x - V a\|^2, \; \|a\|_0 \leq k",
        r"None of the terms; units compete, as in B, but for $k$ places.",
        "makhzani2014",
        ("topk_autoencoder",),
    ),
    Work(
        2015,
        "Germain et al.",
        "MADE",
        "prediction",
        r"\min -\mathbb{E} \sum_d \log p(x_d | x_{<d})",
        r"None: the loss sees predictions, and the outputs only through them.",
        "germain2015",
        ("autoregressive_prediction",),
    ),
    Work(
        2018,
        "Ablin et al.",
        "Picard",
        "components",
        r"\max \log |\det W| + \sum_j \mathbb{E} \log p(w_j^\top x)",
        r"The objective of infomax ICA, with $g' = p$, by quasi-Newton steps.",
        "ablin2018",
        ("picard",),
    ),
    Work(
        2018,
        "Chen et al.",
        "β-TCVAE",
        "reconstruction",
        r"\max \mathrm{ELBO} - (\beta - 1) \, \mathrm{KL}(q(a) \| \prod_j q(a_j))",
        r"Total correlation with a weight of its own, as $\lambda_{tc}$ is; of a noisy code, and "
        r"not for Gaussians only.",
        "chen2018",
    ),
    Work(
        2018,
        "Radford et al.",
        "GPT",
        "prediction",
        r"\min -\mathbb{E} \sum_t \log p(x_t | x_{<t})",
        r"None, as in MADE.",
        "radford2018",
    ),
    Work(
        2019,
        "Devlin et al.",
        "BERT",
        "prediction",
        r"\min -\mathbb{E} \sum_{t \in M} \log p(x_t | x_{\setminus M})",
        r"None; $M$ is a random set of hidden places.",
        "devlin2019",
    ),
    Work(
        2020,
        "Caron et al.",
        "SwAV",
        "two views",
        r"\min -\mathbb{E} \sum_k q'_k \log a_k, \; \mathbb{E}[q_k] = 1/K",
        r"The softmax of B. That all units be used equally is a constraint on the targets $q$, "
        r"where $-\log \mathrm{Var}(a_k)$ rewards it.",
        "caron2020",
        ("swav",),
    ),
    Work(
        2020,
        "Chen et al.",
        "SimCLR",
        "two views",
        r"\min -\mathbb{E} [s_{nn'} - \log \sum_m e^{s_{nm}}]",
        r"None; a log-sum-exp over the images of a batch, where $\lambda_{lse}$ weighs one over "
        r"units. $s$ are cosines over a temperature.",
        "chen2020",
        ("simclr",),
    ),
    Work(
        2020,
        "Grill et al.",
        "BYOL",
        "two views",
        r"\min \mathbb{E} \|q(z_n) - z'_n\|^2",
        r"None: constant outputs reach the minimum, zero, which $-\log \mathrm{Var}(a_j)$ forbids.",
        "grill2020",
        ("byol",),
    ),
    Work(
        2020,
        "He et al.",
        "MoCo",
        "two views",
        r"\min -\mathbb{E} [s_{nn'} - \log \sum_m e^{s_{nm}}]",
        r"As SimCLR, with the sum over a queue of earlier images.",
        "he2020",
        ("moco",),
    ),
    Work(
        2020,
        "Yu et al.",
        "MCR²",
        "two views",
        r"\max \frac{1}{2} \log \det(I + \alpha \Sigma) - \sum_c \frac{n_c}{2 n} "
        r"\log \det(I + \alpha \Sigma_c)",
        r"$-\log \det \Sigma = -\sum_j \log \mathrm{Var}(a_j) - \log \det R$ with $-\log \det R = "
        r"\frac{1}{2} \|R - I\|_F^2 + O(\|R - I\|^3)$: to second order, $L$ at "
        r"$\lambda_{tc} = \frac{1}{2}$. (Here $\Sigma$ and $\Sigma_c$ hold second moments of "
        r"vectors of unit length.)",
        "yu2020",
        ("mcr2",),
    ),
    Work(
        2021,
        "Ermolov et al.",
        "W-MSE",
        "two views",
        r"\min \mathbb{E} \|z_n - z'_n\|^2, \; \Sigma = I",
        r"Both terms as a constraint, as in FastICA.",
        "ermolov2021",
        ("wmse",),
    ),
    Work(
        2021,
        "Radford et al.",
        "CLIP",
        "two views",
        r"\min -\mathbb{E} [s_{nn} - \log \sum_m e^{s_{nm}}]",
        r"As SimCLR; the views are an image and its caption.",
        "radford2021",
    ),
    Work(
        2021,
        "Zbontar et al.",
        "Barlow Twins",
        "two views",
        r"\min \sum_i (1 - C_{ii})^2 + \lambda \sum_{i \neq j} C_{ij}^2",
        r"With equal views $C = R$ and the loss is $\lambda \|R - I\|_F^2$: the second term alone, "
        r"which does not see the scale of $a$.",
        "zbontar2021",
        ("barlow_twins",),
    ),
    Work(
        2022,
        "Bardes et al.",
        "VICReg",
        "two views",
        r"\min \lambda \, \mathbb{E} \|z - z'\|^2 "
        r"+ \mu \sum_j \mathrm{relu}(1 - \sqrt{\Sigma_{jj}}) + \nu \sum_{i \neq j} \Sigma_{ij}^2",
        r"Both terms: the hinge pushes variances up to 1 and stops, $-\log \mathrm{Var}(a_j)$ "
        r"never stops; squares of covariances stand for those of correlations.",
        "bardes2022",
        ("vicreg",),
    ),
    Work(
        2022,
        "He et al.",
        "masked autoencoder",
        "prediction",
        r"\min \mathbb{E} \sum_{d \in M} (x_d - \hat{x}_d(x_{\setminus M}))^2",
        r"None, as in BERT; $x_d$ are patches.",
        "he2022",
        ("masked_prediction",),
    ),
    Work(
        2022,
        "Moraitis et al.",
        "SoftHebb",
        "density",
        r"\Delta w_k \propto a_k (x - h_k w_k), \; a = \mathrm{softmax}(\beta h)",
        r"Online EM with the softmax of B as E-step. $a_k$ is the gradient of "
        r"$\log \sum_k e^{h_k}$, not of the first two terms.",
        "moraitis2022",
        ("softhebb",),
    ),
    Work(
        2023,
        "Journé et al.",
        "SoftHebb in depth",
        "density",
        r"\Delta w_k \propto a_k (x - h_k w_k), \; a = \mathrm{softmax}(\beta h)",
        r"The same rule in every layer of a convolutional network.",
        "journe2023",
    ),
)

_ROW = 0.235  # height of a row, in inches
_WIDTH = 5.5  # so narrow that it can be read at the width of a phone
_NAMES = len(LANES) - 0.3  # where the names begin, in lanes
_INK = "#1d2430"


def timeline_figure() -> Figure:
    """The works from top to bottom, one row each, a dot in the lane of its family.

    Rows are in order of years, not to scale; filled dots are measured in the chapter, open ones
    are cited. This work is the last row.
    """
    figure, axes = panels(width=_WIDTH, height=_ROW * (len(TIMELINE) + 6.5))
    assert isinstance(axes, Axes)
    colours = _lane_colours()
    lanes = {family: lane for lane, family in enumerate(LANES)}
    last = len(TIMELINE)
    for family, lane in lanes.items():
        rows = [row for row, work in enumerate(TIMELINE) if work.family == family]
        end = last if family == "InfoMax" else rows[-1]
        axes.plot([lane, lane], [rows[0], end], color=colours[family], lw=3, alpha=0.35)
        axes.text(lane, -0.8, LANES[family], rotation=90, ha="center", va="bottom", color=_INK)
    for row, work in enumerate(TIMELINE):
        if not row or work.year != TIMELINE[row - 1].year:
            axes.axhline(row - 0.5, color="#e3e6ea", lw=0.8, zorder=0)
            axes.text(-0.5, row, str(work.year), ha="right", va="center", color=GREY)
        colour = colours[work.family]
        face = colour if work.methods else "white"
        axes.plot(lanes[work.family], row, "o", ms=8, mfc=face, mec=colour, mew=2)
        text = f"{work.name}, {work.authors.split()[0]}"
        axes.text(_NAMES, row, text, va="center", color=_INK)
    axes.axhline(last - 0.5, color="#e3e6ea", lw=0.8, zorder=0)
    axes.plot(lanes["InfoMax"], last, "D", ms=9, color=colours["InfoMax"])
    axes.text(_NAMES, last, "this work", va="center", color=_INK, weight="bold")
    for place, (face, text) in enumerate((("white", "cited"), (GREY, "measured here"))):
        x = _NAMES + 0.15 + 2.2 * place
        axes.plot(x, last + 1.5, "o", ms=8, mfc=face, mec=GREY, mew=2)
        axes.text(x + 0.35, last + 1.5, text, va="center", color=_INK)
    axes.set(xlim=(-1.8, _NAMES + 8.6), ylim=(last + 2, -5.2))
    axes.set_axis_off()
    return figure


def timeline_table() -> str:
    r"""The works as HTML: who, when, what; the objective and what it shares; measured as.

    Formulas stand between \\( and \\) in a box that MathJax is told to process, also where the
    page around it is left out.
    """
    table = pd.DataFrame(
        [
            {
                "work": f"{work.authors} {work.year}: {work.name}",
                "objective, and the terms of this work's objective that it shares": (
                    rf"\({work.objective}\) — {_inline(work.shares)}"
                ),
                "measured as": ", ".join(LABELS[name] for name in work.methods) or "–",
            }
            for work in TIMELINE
        ]
    )
    return f'<div class="timeline mathjax_process">{table_html(table)}</div>'


def _inline(text: str) -> str:
    r"""$...$ as \\(...\\), which MathJax reads without being told to."""
    return re.sub(r"\$(.+?)\$", r"\\(\1\\)", text)


def _lane_colours() -> dict[str, str]:
    """Colour of each family, that of its methods in the chapter's other figures."""
    return {
        "InfoMax" if name in INFOMAX else METHODS[name].family: colour
        for name, (colour, _) in method_looks().items()
    }
