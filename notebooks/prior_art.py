# ---
# jupyter:
#   jupytext:
#     notebook_metadata_filter: kernelspec,jupytext,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Prior art, measured
#
# **The claim.** Earlier ways to learn a representation model the density, reconstruct the input or
# tell instances apart, and none of them prevents redundancy; "InfoMax is the only objective that
# explicitly targets non-redundancy", and non-redundant, independent features are what makes
# features good. Four predictions follow: InfoMax layers cannot be pruned, transfer better, match
# layers of twice their size, and have features that one can name (source 002).
#
# **Our verdict.**
#
# | claim | verdict |
# | --- | --- |
# | InfoMax layers cannot be pruned | {glue:text}`verdict_12` |
# | InfoMax features transfer better | {glue:text}`verdict_13` |
# | Smaller InfoMax layers match larger ones of other methods | {glue:text}`verdict_14` |
# | InfoMax features can be named | {glue:text}`verdict_15` |
# | Good features are independent ones | {glue:text}`verdict_10` |
# | InfoMax alone targets non-redundancy | {glue:text}`verdict_8` |
# | Reconstruction does not prevent redundancy | {glue:text}`verdict_3` |
# | Competition makes the outcome stable over seeds | {glue:text}`verdict_16` |
#
# **Which method to use.** {glue:text}`recommendation`
#
# The source compares in words. Here the same comparison is measured: {glue:text}`count_methods`
# methods with the same number of units, the same images, learning rates from the same search, and
# one linear probe. {glue:text}`coverage`

# %% [markdown]
# ## The question
#
# Does a layer that is trained for independence end up less redundant than layers trained for
# something else, and does it end up *better*? The two parts are separate. A method can remove all
# correlation between its outputs and still say little about the digit; another can be redundant
# and say a lot.
#
# ### A brief history
#
# The measure of kinship here is the formula. A layer with outputs $a = \mathrm{relu}(Wx + b)$ (A)
# or $a = \mathrm{softmax}(Wx + b)$ (B) is trained to minimise
#
# $$L = -\sum_j \log \mathrm{Var}(a_j) + \lambda_{tc} \|R - I\|_F^2 + \lambda_{wr} \|G - I\|_F^2,$$
#
# with $R$ the correlation matrix of the outputs and $G$ the Gram matrix of the rows of $W$ at
# unit length. Each of its terms is older than this work.
#
# **What the source leaves out.** {cite:t}`barlow1961` proposed, in words, that sensory neurons
# recode their input to remove redundancy. For Gaussian outputs the total correlation
# {cite:p}`watanabe1960` is
#
# $$\sum_j H(a_j) - H(a) = -\tfrac12 \log \det R = \tfrac14 \|R - I\|_F^2 + O(\|R - I\|^3),$$
#
# which is the second term. {cite:t}`linsker1988` named the goal *infomax*; one Gaussian output
# with noise of variance $\sigma^2$ carries $\frac12 \log(\mathrm{Var}(a_j) / \sigma^2)$, the
# summand of the first. {cite:t}`schmidhuber1992` let units escape from predictors that see the
# other units. With linear predictors and unit variances the error is $1/(R^{-1})_{jj}$: one minus
# the $R^2$ of each unit from the others, which this chapter measures on held-out images.
#
# Competition came at the same time. {cite:t}`bridle1992` maximised
# $H(\mathbb{E}[a]) - \mathbb{E}[H(a)]$ of softmax outputs. One-hot outputs with equally frequent
# units are best for it, and for $-\sum_j \log \mathrm{Var}(a_j)$ as well.
# {cite:t}`schraudolph1992` took the opposite sign: their units compete and learn by
# $\Delta w_j \propto -a_j x$, so that they find what varies least. {cite:t}`schraudolph1993`
# maximised the information gain $H(\hat a_j) - H(a_j)$ of logistic units over the output
# $\hat a_j$ that was expected.
#
# {cite:t}`bell1995` made infomax an algorithm. For as many outputs as inputs,
#
# $$H(g(Wx)) = H(x) + \log |\det W| + \sum_j \mathbb{E} \log g'(w_j^\top x).$$
#
# Up to a constant, $2 \log |\det W| = \sum_j \log \mathrm{Var}(w_j^\top x) + \log \det R$: both
# terms of $L$ with a log-determinant for the Frobenius norm. The last sum, which bounds the scale
# of $W$, has no counterpart in $L$. This is independent component analysis.
# {cite:t}`hyvarinen1999` (FastICA) demands $\Sigma = I$, under which the first two terms of $L$
# are constant; {cite:t}`ablin2018` (Picard) showed why iterations derived from its model struggle
# on real data, where the model holds only roughly. RICA {cite:p}`le2011` replaces the constraint
# by $\|W^\top W x - x\|^2$, which on white inputs is $\|W W^\top - I\|_F^2$ plus a constant: the
# third term. Sparse filtering {cite:p}`ngiam2011` makes all units equally active by
# normalisation, where $-\log \mathrm{Var}$ rewards it. {cite:t}`coates2011` found that wide
# k-means, read out by $\max(0, \frac1K \sum_j z_j - z_k)$ with $z_k = \|x - c_k\|$, beats sparse
# autoencoders and Boltzmann machines on small natural images: a ReLU layer whose units share a
# threshold.
#
# **What the source tells.** Its history begins with restricted Boltzmann machines, trained by
# contrastive divergence {cite:p}`hinton2002` and stacked {cite:p}`hinton2006`. Their
# log-likelihood holds $\sum_j \log(1 + e^{h_j})$ with $h = Wx + b$, a log-sum-exp per unit; the
# term $\log \sum_k e^{h_k}$ of implicit EM is one over all units. Autoencoders do not see $R$:
# with a linear code, any invertible $M$ can be taken into $a$ and out of the decoder
# {cite:p}`bourlard1988`, and denoising {cite:p}`vincent2008` adds no term on $R$. In a
# variational autoencoder {cite:p}`kingma2014` the divergence from a factorial prior contains the
# total correlation of the noisy code; β-TCVAE gives it a weight of its own {cite:p}`chen2018`, as
# $\lambda_{tc}$ does.
#
# Contrastive losses, SimCLR {cite:p}`chen2020`, MoCo {cite:p}`he2020` and CLIP
# {cite:p}`radford2021`, hold a log-sum-exp over *images* where implicit EM has one over *units*.
# BYOL {cite:p}`grill2020` shares no term; constant outputs would minimise it. SwAV
# {cite:p}`caron2020` has the softmax of B, and equal use of the units as a constraint. GPT
# {cite:p}`radford2018`, BERT {cite:p}`devlin2019` and masked autoencoders {cite:p}`he2022`
# predict hidden parts of $x$ and put no term on $a$.
#
# **The nearest relatives** are recent. Barlow Twins {cite:p}`zbontar2021` minimises
# $\sum_i (1 - C_{ii})^2 + \lambda \sum_{i \ne j} C_{ij}^2$ for the cross-correlation $C$ of two
# views; with equal views $C = R$ and this is the second term, alone. VICReg {cite:p}`bardes2022`
# has both terms: $\max(0, 1 - \sqrt{\Sigma_{jj}})$, which stops at unit variance where
# $-\log \Sigma_{jj}$ goes on, and $\sum_{i \ne j} \Sigma_{ij}^2$. W-MSE {cite:p}`ermolov2021`
# demands $\Sigma = I$. MCR² {cite:p}`yu2020` maximises $\log \det(I + \alpha \Sigma)$ of all
# embeddings less those of the classes, and
#
# $$-\log \det \Sigma = -\sum_j \log \Sigma_{jj} + \tfrac12 \|R - I\|_F^2 + O(\|R - I\|^3)$$
#
# is $L$ at $\lambda_{tc} = \frac12$ to second order. In SoftHebb {cite:p}`moraitis2022`, in depth
# {cite:p}`journe2023`, $\Delta w_k \propto a_k (x - h_k w_k)$ with
# $a = \mathrm{softmax}(\beta h)$: the output of B is the E-step of a mixture
# {cite:p}`dempster1977`, and the rule its online EM. The gradient of $L$ in B is not of this
# form; that of $\log \sum_k e^{h_k}$ is.
#
# The figure shows the order in time, the table folded below it every formula.

# %% tags=["remove-cell"]
from IPython.display import HTML

from paper.chapters.prior_art.timeline import timeline_figure, timeline_table
from paper.figures.style import use_style

use_style()

# %% mystnb={"image": {"alt": "Timeline from Barlow's redundancy reduction of 1961 to today, one lane per family of methods in the colours of the figures below."}} tags=["hide-input"]
timeline_figure()

# %% tags=["hide-input", "hide-output"]
HTML(timeline_table())

# %% [markdown]
# ### Cited, not tested
#
# Three statements of the source are about the history of a field or about models of another size.
# That layer-wise pretraining helped and was then given up is on record: {cite:t}`erhan2010` find
# that it acts mainly as a regulariser, and {cite:t}`glorot2011` that rectifier networks with
# large labelled sets reach their best results without it. That it was given up *because density
# was the wrong objective* cannot be tested here. "Models can be pruned 50-90%" holds for weights,
# under conditions: {cite:t}`frankle2019` find trainable subnetworks below 10–20 % of the size of
# networks for MNIST and CIFAR-10; {cite:t}`chen2020lottery` find them in BERT at 40 % to 90 %
# sparsity, depending on the task; {cite:t}`sanh2020`, combining pruning while fine-tuning with
# distillation, go down to 3 % of the parameters with what they call minimal loss of accuracy;
# {cite:t}`frantar2023` remove half of the weights of GPT-like models in one shot, and 60 % of
# those of the two largest open ones. A weight removed is not a feature removed, and this chapter
# removes features.
#
# **Slips of the source.** BYOL {cite:p}`grill2020` has no term that keeps images apart, and SwAV
# {cite:p}`caron2020` compares them with prototypes, never with each other. A variational
# autoencoder {cite:p}`kingma2014` draws its code: it is neither deterministic nor without sampling.
# He initialisation {cite:p}`he2015` and BatchNorm {cite:p}`ioffe2015` came three years after 2012,
# by when they are said to have made pretraining unnecessary.
#
# ### The source's table
#
# | approach | objective | what it prevents, says the source | cost, says the source |
# | --- | --- | --- | --- |
# | RBM | density estimation | poor initialisation | high (sampling) |
# | autoencoder | reconstruction | information loss | low |
# | contrastive | instance discrimination | collapse under augmentation | medium (large batches) |
# | foundation models | prediction | nothing specific | extreme |
# | InfoMax + EM | independence | redundancy, collapse | low |
#
# Each cell of "what it prevents" is a statement about correlations, rank, dead units or a start for
# training with labels, and each cell of "cost" about operations. All of them can be measured, but for
# the row of foundation models, which is cited.

# %% [markdown]
# ## Prediction
#
# The thresholds of the four predictions were written down before anything was fitted; the rules of
# the other claims were amended since, and stand here in the present form. InfoMax stands for its best
# configuration of four: A (ReLU), B (softmax), B read before its softmax, and A with the log-sum-exp
# term. Baselines are those that were trained on the same images: methods of two views stand against
# A and B on views, which inform. The control (untrained) and the ceiling (supervised) do not count.
#
# - **Not prunable.** At most a tenth of the units can be removed within one point of accuracy, and
#   ten points fewer than in every baseline pruned to the same accuracy. Refuted if a quarter can go.
# - **Transfers better.** One point above the best baseline in three of four families of targets:
#   the other dataset, the other half of the classes, rotated images, few labels. Refuted if the mean
#   over all lies below half a point.
# - **Smaller matches larger.** With $K$ units not half a point worse than any baseline with $2K$,
#   for $2K$ of 64, 128 and 256. Refuted if at none of them.
# - **Can be named.** The mutual information gap is twice what random rotations of the same features
#   reach, and above that of PCA, k-means and sparse autoencoders; four of five units tell a class
#   with an area under the curve of nine tenths. Refuted if it is within the range of the rotations.
# - If reconstruction does not prevent redundancy, the autoencoder's outputs are more correlated
#   than those of PCA, which reconstructs too.
# - If InfoMax is the only objective that targets non-redundancy, no other has a term for it: that is
#   read off the objectives, and nothing that is measured decides it.
# - If good features are independent features, then over methods the probe is better the less HSIC,
#   above its floor, the outputs have (rank correlation of more than one half).
# - If end-to-end training leaves gaps, redundancy and poor transfer, the supervised layer lies a point
#   below the median baseline on classes it was not trained on and on the other dataset, and its
#   outputs are more correlated than those of the softmax layer.
#
# Where a claim speaks of accuracy, the interval that decides holds the error of the test images as
# well, as other images would give other numbers. Intervals in tables and figures are over seeds.
#
# These are the source's statements turned into measurements, not our expectations. The rules of the
# other claims stand with their verdicts at the end of the page.

# %% [markdown]
# ## Parameters

# %% tags=["parameters"]
from paper.methods.methods import MethodNames
from paper.pages.parameters import (
    AtLeast,
    Device,
    Distinct,
    ImageDataset,
    OtherDataset,
    StorePlace,
    Units,
)

dataset: ImageDataset = "mnist"  # digits, mnist or fashion-mnist
second: OtherDataset = "fashion-mnist"  # another dataset of the same size; "" for none
halves: bool = True  # train on each half of the classes as well, for transfer to the other half
hidden_dim: Units = 64  # units K of every method
seeds: AtLeast[1] = 10  # seeds 0 .. seeds-1: initial weights, data order, sampling
epochs: AtLeast[1] = 10  # passes over the training data of methods that descend in minibatches
methods: MethodNames = "all"  # names of methods with spaces between, or all
few_seeds: AtLeast[1] = 5  # seeds of halves, widths, head starts, views and batches
full_widths: Distinct[Units] = [16, 256]  # other numbers of units, for every method
more_widths: Distinct[Units] = [32, 128]  # further ones, for width_methods and this work's
width_methods: MethodNames = "untrained pca sparse_autoencoder simclr vicreg supervised"  # likewise
batch_sizes: Distinct[AtLeast[2]] = [32, 128, 512]  # of SimCLR, Barlow Twins; also without views
store: StorePlace = "auto"  # results store: auto, memory, or a folder
device: Device = "auto"  # auto, cpu or cuda

# %% tags=["remove-cell"]
import pandas as pd

from infomax_lib import SpecError, first_seeds, grid, load_dataset, open_store
from infomax_lib.model.architectures import INFOMAX
from infomax_lib.stats import format_number
from paper.chapters import judge, judge_claim
from paper.chapters.prior_art import experiment, words
from paper.chapters.prior_art.advice import advice, recommendation
from paper.chapters.prior_art.comparison import (
    EQUALS,
    LABELS,
    feature_images,
    in_words,
    paired,
    remarks,
    summary,
    timed_on,
)
from paper.chapters.prior_art.figures import curves, one_value, views
from paper.chapters.prior_art.figures.methods import (
    against_probe,
    features_side_by_side,
    measures_by_method,
)
from paper.chapters.prior_art.measured.assessment import assess
from paper.chapters.prior_art.measured.copies import copied_features
from paper.chapters.prior_art.measured.head_start import head_starts
from paper.chapters.prior_art.measured.nonlinear import nonlinear_probes
from paper.chapters.prior_art.measured.overlap import OverlapSpec, overlapping_mixtures
from paper.chapters.prior_art.measured.tuning import chosen_rates
from paper.chapters.prior_art.measured.uses import uses
from paper.chapters.prior_art.measured.view_ablation import view_ablations
from paper.chapters.prior_art.measured.view_distances import view_distances
from paper.chapters.prior_art.other_choices import other_choices
from paper.chapters.prior_art.tables import (
    ablation_summary,
    probe_correlations,
    pruning_table,
    transfer_table,
    with_all_labels,
    with_assessment,
)
from paper.figures.style import thumbnail
from paper.figures.tables import grouped_table, table_html
from paper.judging.evidence import Evidence
from paper.judging.verdicts import Card
from paper.methods.methods import named
from paper.pages.computing_time import computing_words
from paper.pages.show import quote, say, shown

store = open_store(store)
chosen_methods = [*(m for m in named(methods) if m not in EQUALS), *INFOMAX]
data = load_dataset(dataset)
if data.image_shape is None:
    raise SpecError(
        f"dataset={dataset!r} holds no pictures, and this chapter draws features as pictures: "
        "choose digits, mnist or fashion-mnist"
    )

# %% [markdown]
# ## Experiment
#
# Every method turns an image into $K$ numbers by one layer of $K$ units; heads, decoders and slow
# copies are thrown away after training. What the methods are, and where their code stands, is said
# in [Methods of prior art](../reproduce.md#methods-of-prior-art).
#
# **Learning rates.** Every method with a step size is trained on eleven twelfths of the training
# images at its default rate times a tenth to ten, and further out where the best lies at the edge;
# the linear probe on the last twelfth chooses. No test image is looked at. B is read after its softmax,
# where the rate that trains it least is best, and once more before it, with a rate of its own.

# %%
rates, searches = {}, {}
for name in filter(None, [dataset, second]):
    searched = [*chosen_methods, *(EQUALS if name == dataset else ())]
    searches[name] = experiment.search_rates(
        name, hidden_dim, epochs=epochs, methods=searched, device=device, store=store
    )
    rates[name] = chosen_rates(searches[name])

# %% tags=["remove-input"]
say(words.edges(searches))

# %% tags=["hide-input", "hide-output"]
shown(pd.DataFrame(rates).rename(index=LABELS).reset_index(names="learning rate"))

# %% tags=["remove-input"]
say(f"""
**Budgets.** All methods that descend in minibatches make {epochs} passes over the data
(*equal epochs*). A pass costs some of them several times what it costs others, so the comparison
is made again with as many passes as cost what InfoMax A costs (*equal cost*), in operations of
matrix products counted by one rule. Methods in closed form or with full batches have no passes to
change; they stand in both tables at their own cost.
""")

# %%
chosen, few = first_seeds(seeds), first_seeds(few_seeds)
fits = {
    name: experiment.compared(
        name, hidden_dim, chosen, epochs=epochs, methods=chosen_methods, rates=rates[name]
    )
    for name in rates
}
fits[dataset] += experiment.compared(
    dataset, hidden_dim, few, epochs=epochs, methods=EQUALS, rates=rates[dataset]
)
# First what needs the weights: they are kept, and nothing is fitted again for want of them.
assessed = {name: assess(specs, device, store) for name, specs in fits.items()}
pictured = {dataset: chosen[:1]}  # seeds whose weights are drawn below
tables = {
    name: experiment.measured(specs, device, store, pictured.get(name, []))
    for name, specs in fits.items()
}
cheap = {
    name: experiment.measured(experiment.at_equal_flops(specs, load_dataset(name)), device, store)
    for name, specs in fits.items()
}
table = tables[dataset]

# %% [markdown]
# **Beyond the probe.** Every encoder is then pruned, probed on other tasks, compared with the next
# seed's, and asked for single factors. The test images are drawn again for the last one, with known
# rotation, scale, shifts and thickness. Transfer between halves of the classes, for which every
# method is trained once more on each half, is measured if the parameter `halves` says so.

# %%
on_halves = [
    assess(
        experiment.compared(
            half, hidden_dim, few, epochs=epochs, methods=chosen_methods, rates=rates[dataset]
        ),
        device,
        store,
    )
    for half in ([f"{dataset}-low", f"{dataset}-high"] if halves else [])
]

# %% tags=["remove-input"]
say(f"""
**Other widths**: every method at those of `full_widths`, some methods at those of `more_widths`, at
the rates that were chosen at $K =$ {hidden_dim}.
""")

# %%
some_methods = [m for m in [*named(width_methods), *INFOMAX] if m in chosen_methods]
other_widths = [
    fit
    for k in sorted({*full_widths, *more_widths} - {hidden_dim})
    for fit in experiment.compared(
        dataset,
        k,
        few,
        epochs=epochs,
        methods=chosen_methods if k in full_widths else some_methods,
        rates=rates[dataset],
    )
]
wide = pd.concat([table, experiment.measured(other_widths, device, store)], ignore_index=True)

# %% tags=["hide-input"]
covered = {(name, "equal epochs"): rows for name, rows in tables.items()}
covered |= {(name, "equal cost"): rows for name, rows in cheap.items()}
covered[dataset, "equal epochs"] = wide
shown(words.coverage_table(covered))

# %% [markdown]
# ### What contrastive methods are shown
#
# Methods of two views learn what does not change when an image is turned, scaled and shifted a
# little and loses a quarter of its pixels. These views are the only knowledge about images that any
# method here is given, and only that family is given it. A and B (read before its softmax) are trained
# once more on one view of every image at a time, to stand beside that family.

# %% mystnb={"image": {"alt": "Four rows: an image on the left and eight random views of it, turned, scaled, shifted and with missing pixels."}} tags=["hide-input"]
views.views_shown(*views.example_views(data, 4, 8, seed=0), data.image_shape)

# %% [markdown]
# ## Result
#
# Means and 95 % intervals over seeds, best probe first; a single number where all seeds agree.
# Weight redundancy is given relative to that of random directions.

# %% tags=["remove-input"]
say(
    f"""
HSIC sees dependence that correlation does not; its floor, what independent outputs would show, is
{format_number(table["hsic_floor"].mean())} on average here. A second table, folded, holds weights
and cost. Softmax outputs sum to one, so that each is known exactly from the others: their held-out
$R^2$ is one by construction.""",
    remarks(table),
)

# %% tags=["hide-input"]
table = with_assessment(table, assessed[dataset])
shown(summary(table, ["probe_accuracy", "output_correlation", "hsic", "held_out_r2", "dead_units"]))

# %% tags=["hide-input", "hide-output"]
folded = ["redundancy_over_random", "effective_rank", "cka", "flops", "parameters", "seconds"]
shown(summary(table, folded))

# %% [markdown]
# CKA compares the test features of every seed with those of the seed before: one means the same
# geometry.

# %% tags=["remove-input"]
say(f"""
Seconds are wall time of fitting per seed, on: {timed_on(table)}, with whatever else the machine did
at the time: they tell factors apart, not percents. An InfoMax layer's share also holds the
measurements that are taken while it trains, so that operations are the fairer number. For centres
of k-means "weights" means the centres themselves, which share the mean image.
""")

# %% [markdown]
# Every seed is a point; the bar is the interval of the mean.

# %% mystnb={"image": {"alt": "Four panels, one line per method ordered by probe accuracy, every seed a point with the mean and its 95 percent interval: probe accuracy, weight redundancy relative to random weights, output correlation, and normalised HSIC."}} tags=["hide-input"]
measures_by_method(
    table, ["probe_accuracy", "redundancy_over_random", "output_correlation", "hsic"]
)

# %% tags=["remove-input"]
say(words.against_the_best(table), words.dead_units(table))

# %% [markdown]
# ### Does independence predict quality?
#
# Each method as a point in the plane of redundancy and probe accuracy. If independence were
# quality, the points would fall from the upper left to the lower right.

# %% mystnb={"image": {"alt": "Panels with probe accuracy on the vertical axis, against weight redundancy relative to random weights and against output correlation, both on logarithmic axes with a place for zero; one point per method, small marks are seeds and large marks their means."}} tags=["hide-input"]
planes = ["redundancy_over_random", "output_correlation"]
fig = against_probe(table, planes, probe_correlations(table, planes))
fig

# %% tags=["hide-input"]
# what the claims are judged by; the tables of the experiments below join it where they are made
pruning = pruning_table(assessed[dataset])
transfer = transfer_table(pd.concat([*assessed.values(), *on_halves]))
first_of_each = [spec for spec in fits[dataset] if spec.seed == chosen[0]]
nonlinear = nonlinear_probes(first_of_each, device=device, store=store)
evidence_tables = {
    "baselines": table,
    "pruning": pruning,
    "transfer": transfer,
    "widths": wide,
    "factors": assessed[dataset],
    "nonlinear": nonlinear,
}
setting = {"dataset": dataset, "hidden_dim": hidden_dim, "epochs": epochs}
evidence = Evidence(pd.DataFrame(), extra=evidence_tables, base=setting)

# %% tags=["remove-input"]
say(
    "Rank correlation over methods, with the supervised ceiling left out:",
    judge_claim("002.10", evidence).evidence,
    """For PCA and FastICA no statistics is needed: their features are rotations and rescalings of
    each other, so a linear classifier can read the same from both, whatever their independence.""",
    f"Measured: {in_words(table, 'fastica', 'pca')}; HSIC of FastICA less that of PCA:",
    f"{paired(table, 'hsic', 'fastica', 'pca')}.",
    words.not_linear(nonlinear, ["pca", "fastica"]),
)

# %% [markdown]
# ### At equal cost

# %% tags=["remove-input"]
say(words.budget_answer(table, cheap[dataset]))

# %% mystnb={"image": {"alt": "Two panels with probe accuracy on the vertical axis, against floating-point operations of training and against seconds, both on logarithmic axes; one point per method, the leading ones named, and the Pareto front."}} tags=["hide-input"]
one_value.cost_against_quality(table)

# %% tags=["hide-input", "hide-output"]
shown(
    summary(
        cheap[dataset],
        ["probe_accuracy", "output_correlation", "hsic", "redundancy_over_random", "flops"],
    )
)

# %% [markdown]
# ### On the second dataset
#
# The same methods, seeds, budgets and views, with learning rates of their own; nobody chose the views
# for it.

# %% tags=["remove-input"]
others = {name: rows for name, rows in tables.items() if name != dataset}
say(*(words.elsewhere(name, rows, cheap[name]) for name, rows in others.items()))

# %% tags=["hide-input", "hide-output"]
columns = ["probe_accuracy", "output_correlation", "hsic", "held_out_r2", "cka"]
both = [
    summary(rows, measures)
    for name in others
    for rows, measures in (
        (with_assessment(tables[name], assessed[name]), columns),
        (cheap[name], ["probe_accuracy", "output_correlation", "flops"]),
    )
]
HTML("".join(map(table_html, both)) or "No second dataset was asked for.")

# %% [markdown]
# ### What the units look like
#
# The first rows of $W$ (for k-means: the first centres) of seed 0, method by method, blue negative
# and red positive.

# %% mystnb={"image": {"alt": "Small pictures, one line per method: the first weight vectors of every method of the comparison."}} tags=["hide-input"]
features_side_by_side(feature_images(first_of_each, store), data.image_shape)

# %% [markdown]
# ## The four predictions
#
# ### InfoMax layers cannot be pruned
#
# Units are removed one by one, at random, by the smallest share of variance that the others do not
# explain, or by what a ridge regression loses; after each step a probe is fitted again.

# %% mystnb={"image": {"alt": "Three panels, one for each order of removal: accuracy lost in points against the share of units removed; InfoMax configurations bold, baselines thin."}} tags=["hide-input"]
curves.pruning_curves(pruning)

# %% mystnb={"image": {"alt": "One line per method: the largest share of units that can be removed within one point of accuracy, every seed a point with the mean and its interval, and lines at a tenth and a quarter."}} tags=["hide-input"]
one_value.removable_shares(pruning)

# %% tags=["remove-input"]
why = words.explained(evidence)
say(words.judged(judge_claim("002.12", evidence)))
say(why["002.12"])

# %% [markdown]
# ### InfoMax features transfer better
#
# Frozen encoders under a new linear probe: on the other dataset, on the classes that were not in
# the training images, on rotated images, and with one, ten or a hundred labels per class.

# %% mystnb={"image": {"alt": "Heat map with a row for every method and a column for every target in four families: accuracy in per cent in every cell, coloured within its column."}} tags=["hide-input"]
one_value.transfer_matrix(transfer)

# %% mystnb={"image": {"alt": "Accuracy against the number of labels per class, one, ten, a hundred and all: InfoMax configurations, the best baselines, and the references."}} tags=["hide-input"]
few_labels = curves.few_label_curves(with_all_labels(transfer, table))
few_labels

# %% [markdown]
# With one label per class much of what is measured is how features are scaled, since nothing is
# known about the directions that matter.

# %% tags=["remove-input"]
say(words.judged(judge_claim("002.13", evidence)))
say(why["002.13"])

# %% [markdown]
# ### Smaller InfoMax layers match larger ones

# %% mystnb={"image": {"alt": "Probe accuracy against the number of units on a logarithmic axis: InfoMax configurations bold, other methods thin and labelled."}} tags=["hide-input"]
curves.widths_against_probe(wide) if other_widths else HTML(
    "No other number of units was asked for."
)

# %% tags=["remove-input"]
say(words.judged(judge_claim("002.14", evidence)))
say(why["002.14"])

# %% [markdown]
# ### InfoMax features can be named
#
# The mutual information gap (MIG) is one when every factor is known to one unit alone. Random
# rotations of the same features show what comes without any alignment. Of what made an image, the
# class, rotation, scale, two shifts and the thickness of the pen are known.

# %% mystnb={"image": {"alt": "Two panels with a line per method: mutual information gap with a mark at the 95th percentile of random rotations, and the share of units that tell one class with an area under the curve of at least nine tenths."}} tags=["hide-input"]
one_value.disentanglement(assessed[dataset])

# %% tags=["remove-input"]
say(words.judged(judge_claim("002.15", evidence)))
say(why["002.15"])

# %% [markdown]
# ## Smaller claims
#
# ### What competition adds
#
# *Without EM the outcome depends on the start, with EM it is stable; and features become prototypes
# that own regions of input space.* CKA with another seed, in the table above, decides the first part:
# of B before its softmax, so that A and B are the same code, each at the learning rate that is best
# for it. The same after the softmax, at the rate that is best there, stands beside it.
# For the second, every image belongs to the unit that answers it most strongly, in deviations from
# the unit's mean. Purity, which decides (against k-means), is the share of test images of the class
# that most training images of their owner have; the other column is the cosine of a unit's weights
# with the average image it owns, less the mean image.

# %% tags=["hide-input"]
shown(summary(table, ["purity", "owner_similarity", "cka"]))

# %% tags=["remove-input"]
say(words.judged(judge_claim("002.16", evidence), "Stable"))
say(words.judged(judge_claim("002.17", evidence), "Prototypes"))

# %% [markdown]
# ### A start for training with labels
#
# *Local unsupervised objectives can initialise good features.* A supervised layer is trained from
# the weights that a method found, scaled to the size of random initial weights, so that scale alone
# gives no head start. The source says it of Boltzmann machines: the RBM after one epoch decides.

# %%
starts = head_starts(
    experiment.head_start_specs(
        dataset, hidden_dim, few, epochs=epochs, methods=chosen_methods, rates=rates[dataset]
    ),
    device=device,
    store=store,
)

# %% mystnb={"image": {"alt": "Test accuracy less that of a random start, in points, against the epoch of training with labels, one line per method with its interval."}} tags=["hide-input"]
curves.head_start_curves(starts)

# %% tags=["remove-input"]
evidence_tables["head_start"] = starts
say(words.judged(judge_claim("002.18", evidence)))

# %% [markdown]
# ### Deep networks
#
# *Pretraining put deep sigmoid networks into good basins and prevented vanishing gradients, until
# ReLU, better initialisation and BatchNorm made it unnecessary.* Networks of five layers learn with
# labels from each start, by gradient descent at rates chosen on a validation split. Reach is the
# log10 of the share of the gradient at the last layer that arrives at the first one before training.

# %%
deep = experiment.deep_networks(dataset, few, epochs=epochs, device=device, store=store)

# %% tags=["hide-input"]
shown(words.deep_table(deep))

# %% tags=["remove-input"]
evidence_tables["deep_starts"] = deep
say(words.judged(judge_claim("002.24", evidence)))

# %% [markdown]
# ### What contrastive methods need
#
# *Contrastive learning needs augmentations and large batches.* SimCLR and Barlow Twins with and
# without different views, at several sizes of batch, beside InfoMax A, which has no views.

# %%
ablation = view_ablations(
    experiment.ablation_specs(
        dataset, hidden_dim, few, epochs=epochs, batch_sizes=batch_sizes, rates=rates[dataset]
    ),
    device=device,
    store=store,
)

# %% tags=["hide-input"]
shown(ablation_summary(ablation)) if batch_sizes else HTML("No batch size was asked for.")

# %% tags=["remove-input"]
evidence_tables["ablation"] = ablation
say(words.judged(judge_claim("002.4", evidence)))

# %% [markdown]
# *Their features are invariant to augmentation and distinctive across instances, and hard negatives
# matter.* Two views of an image should lie closer together than views of two images. With hard
# negatives, SimCLR gives images that look alike more weight {cite:p}`robinson2021`.

# %%
distances = view_distances(
    experiment.view_distance_specs(
        dataset, hidden_dim, few, methods=chosen_methods, rates=rates[dataset]
    ),
    device=device,
    store=store,
)

# %% tags=["remove-input"]
first_uses = uses(first_of_each, device=device, store=store)
evidence_tables |= {"views": distances, "uses": first_uses}
say(words.judged(judge_claim("002.26", evidence)))

# %% [markdown]
# ### Right for everything?
#
# *With the right features classification, generation, segmentation and transfer all become easy.*
# Then a method that is good at one should be good at all. Pixels, and which of them are the digit,
# are read off the code by linear maps. On pictures of one digit these two tasks are nearly one.

# %% tags=["remove-input"]
say(words.judged(judge_claim("002.25", evidence)))

# %% [markdown]
# ### Density without non-redundancy
#
# *A mixture with overlapping components still models the density.* A Gaussian mixture is fitted to
# the first principal components; then every component is replaced by two copies at half its weight.
# The density is the same at every point, so that the construction proves the claim.

# %%
overlap = overlapping_mixtures(
    grid(OverlapSpec(dataset=dataset), seed=few), device=device, store=store
)

# %% tags=["hide-input"]
shown(grouped_table(overlap, ["mixture"], ["log_likelihood", "redundancy"]))

# %% tags=["remove-input"]
evidence_tables["overlap"] = overlap
say(words.judged(judge_claim("002.7", evidence)))

# %% [markdown]
# *Nor do copies cost anything in an autoencoder or under a contrastive loss.* The first reconstructs
# the same from ten copies whose rows in the decoder are a tenth each; the second sees cosines, which
# copies leave as they are.

# %% tags=["remove-input"]
evidence_tables["copies"] = copied_features(few)
others = other_choices(
    tables, cheap, assessed, dataset, {"hidden_dim": hidden_dim, "epochs": epochs}
)
verdicts = judge("prior_art", evidence, others)
say(words.judged(verdicts.find("002.27")))

# %% [markdown]
# ### The source's table, measured

# %% tags=["remove-input"]
cells = verdicts.find("002.6")
say(f"Each cell as a comparison: {cells.evidence} Verdict: **{cells.interpretation_verdict}**.")

# %% [markdown]
# ## Controls
#
# *Untrained weights* are in every table above: what a method adds is its distance from them.

# %% tags=["remove-input"]
say(f"""
*Shuffled labels*: trained on labels in random order, the same probe can only guess, and a guess is
right on about one image in {len(data.test_labels.unique())}; clearly more would mean that the probe
reads something other than the class.
""")

# %% tags=["hide-input"]
shown(summary(table, ["probe_accuracy", "shuffled_probe_accuracy"]))

# %% tags=["remove-input"]
say(
    """*Competition removed from the reading*: the probe of architecture B on the activations before
    its softmax instead of after.""",
    words.before_softmax(table),
    "*Non-linearity alone*: PCA with and without a ReLU.",
    f"Here {in_words(table, 'pca_relu', 'pca')}.",
)

# %% [markdown]
# ## What would change our mind

# %% tags=["remove-input"]
say(f"""
- Another data set, width or length of training on which the order of the methods differs:
  `dataset`, `hidden_dim` and `epochs` are parameters. {epochs} passes are few for the
  source's settings, which make a hundred.
- A wider search. Learning rates were chosen, other settings (temperatures, weights of terms, sizes
  of heads, views) were taken from the papers; those of this work from the source.
- Deep encoders. All methods here train one layer, which is what this work is about and less than
  the two-view methods were made for.
- Probes that are not linear on more seeds than the first, and of other kinds.
""")

# %% [markdown]
# ## Rerun this page
#
# ```bash
# infomax execute prior_art -p dataset=fashion-mnist -p second= -p seeds=5
# ```
#
# or `papermill notebooks/prior_art.ipynb out.ipynb -p hidden_dim 16`. What the store knows is not
# computed again. From an empty store every fit is made again, and its weights are kept in the store
# while its measures are taken.

# %% tags=["remove-input"]
kinds = ["baselines", "runs", "assessments", "head_starts", "view_ablations", "overlaps"]
kinds += ["deep_starts", "view_distances", "uses", "nonlinear_probes"]
fitted = [*searches.values(), *tables.values(), *cheap.values(), wide, starts, ablation]
fitted += [deep, distances, first_uses, nonlinear]
say(computing_words(store, kinds, [*fitted, *assessed.values(), *on_halves, overlap]))

# %% [markdown]
# ## Claims of this chapter

# %% tags=["hide-input"]
verdicts

# %% tags=["remove-cell"]
head = (12, 13, 14, 15, 10, 8, 3, 16)
quote(
    **{f"verdict_{n}": verdicts.find(f"002.{n}").interpretation_verdict for n in head},
    recommendation=recommendation(tables, cheap),
    count_methods=str(table.loc[~table["method"].isin(EQUALS), "method"].nunique()),
    coverage=words.coverage(covered),
)

# %% [markdown]
# ## Take-away

# %% tags=["remove-input"]
independent = verdicts.find("002.10")
say(
    words.takeaway(dataset, hidden_dim, table, independent),
    """Independence is an old target, and methods that aim at it in closed form exist; whether a
    method reaches it, and whether that makes its features better, are two questions with two
    answers.""",
)

# %% tags=["remove-input"]
transfers = verdicts.find("002.13")
number, interval = words.measured(transfers)
Card(
    chapter="prior_art",
    title="Prior art, measured",
    claim="InfoMax features transfer better than those of earlier methods.",
    key_number=number,
    interval=interval,
    verdict=transfers.interpretation_verdict,
    sentence="Points of accuracy, over four families of other tasks, by which the best InfoMax "
    "layer is ahead of the best earlier method of the same width.",
    image=thumbnail(few_labels),
    alt="Accuracy against the number of labels per class, for InfoMax layers and earlier methods",
    takeaway=advice(tables),
)

# %% tags=["check", "remove-cell"]
# NBVAL_CHECK_OUTPUT
for verdict in verdicts:
    print(verdict.id, verdict.number_verdict, verdict.interpretation_verdict, verdict.evidence)
