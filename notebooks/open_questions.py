# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
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
# # Open questions
#
# **The claim.** There is none: all three sources end in questions (source 000, "Open Questions"
# and "Next Experiment"; source 001, "What Remains"; source 002, "Open Questions"). This chapter
# asks them of the data. Each is turned into the statement that it asks about, with a rule that
# judges it, and answered in one sentence that code writes from the results.
#
# **Our answers.**
#
# ```{container} answers
#
# | question | answer | verdict on the statement |
# | --- | --- | --- |
# | Does the activation before the softmax matter? | {glue:text}`answer_000_30` | {glue:text}`verdict_000_30` |
# | Do the findings carry over to wider layers? | {glue:text}`answer_000_31` | {glue:text}`verdict_000_31` |
# | Does InfoMax scale? | {glue:text}`answer_002_20` | {glue:text}`verdict_002_20` |
# | Does EM structure still matter at scale? | {glue:text}`answer_002_22` | {glue:text}`verdict_002_22` |
# | Do the features transfer? | {glue:text}`answer_000_32` | {glue:text}`verdict_000_32` |
# | Do layers compose when stacked? | {glue:text}`answer_000_33` | {glue:text}`verdict_000_33` |
# | Does layer two find what it needs? | {glue:text}`answer_001_22` | {glue:text}`verdict_001_22` |
# | Does every layer carry more about its input? | {glue:text}`answer_001_27` | {glue:text}`verdict_001_27` |
# | Are features of features as good? | {glue:text}`answer_002_23` | {glue:text}`verdict_002_23` |
# | Do other competitions regularise as the softmax does? | {glue:text}`answer_000_34` | {glue:text}`verdict_000_34` |
# | Does InfoMax work with them? | {glue:text}`answer_001_23` | {glue:text}`verdict_001_23` |
# | Are the hyperplanes non-redundant on real data? | {glue:text}`answer_001_21` | {glue:text}`verdict_001_21` |
# | Does a supervised signal help as auxiliary loss? | {glue:text}`answer_001_24` | {glue:text}`verdict_001_24` |
# | Is decorrelation good enough? | {glue:text}`answer_001_25` | {glue:text}`verdict_001_25` |
# | Is independence the right target? | {glue:text}`answer_002_21` | {glue:text}`verdict_002_21` |
# ```
#
# Yes, no, in part and open are the verdicts of the rules, in words; what follows is what was
# measured. A, B and the other names are explained below.

# %% [markdown]
# ## Prediction
#
# Each section begins with what should be seen if the sources' picture is right: competition between
# units, whatever implements it, keeps them apart; independent features are informative, robust and
# general; what holds for sixteen units and one layer holds for more. The rules were fixed before
# these runs; where one was amended since, the prediction is that of its present form. Two questions
# had been judged in a smaller form before (000.30 at $K = 16$ for two activations, 000.31 at $K = 64$).

# %% [markdown]
# ## Parameters

# %% tags=["parameters"]
from paper.pages.parameters import (
    Activation,
    AtLeast,
    Device,
    Grid,
    ImageDataset,
    NonNegative,
    StorePlace,
    Units,
)

dataset: ImageDataset = "mnist"  # digits, mnist or fashion-mnist
seeds: AtLeast[1] = 10  # seeds 0 .. seeds-1 of every experiment: initial weights and data order
activations: Grid[Activation] = [
    "identity",
    "relu",
    "leaky_relu",
    "tanh",
    "softplus",
    "sigmoid",
]  # with relu
sweep_widths: Grid[Units] = [16, 32, 64]  # numbers of units of the activation sweep
epochs: AtLeast[1] = 100  # length of the activation sweep, in passes over the training data
short_epochs: AtLeast[1] = 20  # length of the comparisons of competitions and of objectives
feature_epochs: AtLeast[1] = 10  # length of transfer, robustness and the supervised signal
widths: Grid[Units] = [16, 64, 256]  # numbers of units of the scale experiment
scale_epochs: AtLeast[1] = 10  # length of the scale experiment
widest: AtLeast[0] = 1024  # one more width, a quarter of an hour on two cores; 0 for none
widest_seeds: AtLeast[1] = 2  # seeds of the widest layers; fewer than five are shown and not judged
transfer_widths: Grid[Units] = [16]  # numbers of units of the transfer experiment
stack_dim: Units = 64  # units of every layer of a stack
stack_epochs: AtLeast[1] = 5  # epochs of every layer of a stack
layerwise_seeds: AtLeast[1] = 5  # seeds of the stacks whose information is bounded
similarity_seeds: AtLeast[1] = 5  # seeds of layers and stacks of A and B that are compared by CKA
ce_weights: Grid[NonNegative] = [0.1, 1.0, 10.0, 100.0]  # weights of the auxiliary cross-entropy
hsic_pressures: Grid[NonNegative] = [1.0, 10.0, 100.0]  # weights of decorrelation and of HSIC
hsic_seeds: AtLeast[1] = 5  # seeds of layers that minimise HSIC; each takes half a minute
robustness_pressures: Grid[NonNegative] = [0.0, 0.1, 1.0, 10.0, 100.0]  # λ_tc for robustness
store: StorePlace = "auto"  # results store: auto, memory, or a folder
device: Device = "auto"  # auto, cpu or cuda

# %% tags=["remove-cell"]
from functools import partial

import pandas as pd
from IPython.display import HTML

from infomax_lib import history, open_store, run
from infomax_lib.measures.weights_and_outputs import simplex_floor
from infomax_lib.stats import where
from paper.chapters import judge
from paper.chapters.open_questions import experiment, words
from paper.chapters.open_questions.experiment import per_width
from paper.chapters.open_questions.figures import (
    by_mechanism,
    dependence_against_outcomes,
    differences_from,
    shares_removed,
)
from paper.chapters.open_questions.guided import run_auxiliary
from paper.chapters.open_questions.layerwise import (
    FORMS,
    layerwise_information,
    layerwise_specs,
)
from paper.chapters.open_questions.rules.mechanisms import GOOD_ENOUGH
from paper.chapters.open_questions.similarity import similarities, similarity_specs
from paper.chapters.open_questions.stacks import run_stacks
from paper.chapters.open_questions.transfer import evaluate_features, evaluate_references
from paper.figures.seeds_and_grids import along_grid, seeds_by_condition
from paper.figures.style import name, panels, thumbnail, use_style
from paper.figures.tables import grouped_table, interval_table
from paper.judging.evidence import MissingEvidence
from paper.judging.nulls import relative_levels
from paper.judging.verdicts import Card
from paper.pages.show import quote, say, shown

use_style()
store = open_store(store)
tables = {}  # what is measured, section by section
answers = words.Answers(partial(judge, "open_questions"))  # and what it answers

# %% [markdown]
# Everything below compares runs that share seeds, so that differences are paired. The sources'
# two architectures keep their names: **A** is a ReLU layer without competition at
# $\lambda_{tc} = 1$, **B** a ReLU layer under a softmax at $\lambda_{tc} = 0$.

# %% [markdown]
# ## Does the activation before the softmax matter?
#
# *Source 000, open question 1, and the announced next experiment.* The source proposes three
# activations, three widths and five seeds. Here are six activations, three widths and ten seeds,
# all under a softmax at $\lambda_{tc} = 0$: the runs of `sweeps/activations.yaml`.
#
# *Prediction.* Competition does the work, so nothing but details should depend on the activation:
# no difference from ReLU beyond 20 % of the redundancy or one point of probe accuracy. Against it
# stands that bounded activations (tanh, sigmoid) bound the logits of the softmax too, so that it
# can become hard only by way of many units.

# %%
sweep = experiment.activation_specs(dataset, activations, sweep_widths, seeds, epochs)
swept = per_width(run(sweep, device=device, store=store))
tables["activations"] = swept

# %% [markdown]
# Every point is a run, the large mark the mean with its 95 % interval over seeds. Redundancy is
# given over that of isotropic rows, output correlation over the least that a simplex allows. Dashed
# are random rows: isotropic ones, and those drawn from the covariance of the images, as alike as a
# layer that has learned nothing else.

# %% mystnb={"image": {"alt": "Five panels above each other, one for each measure: redundancy over isotropic rows, output correlation over the simplex floor, share of dead units, probe accuracy on the outputs and before the softmax. In each, six activations side by side, three widths as colours, every seed a point with mean and interval."}} tags=["hide-input"]
order = list(dict.fromkeys(swept["activation"]))
levels = relative_levels(dataset)
fig_sweep, axes = panels(5, 1, width=7.5, height=2.6)
measures = {
    "redundancy_over_random": "redundancy / isotropic rows",
    "correlation_over_floor": "correlation / floor",
    "dead_share": "share of dead units",
    "probe_accuracy": "probe on outputs",
    "probe_accuracy_pre": "probe before softmax",
}
for axis, (measure, text) in zip(axes, measures.items(), strict=True):
    floors = levels if measure == "redundancy_over_random" else None
    seeds_by_condition(axis, swept, "activation", measure, "hidden_dim", order, floors)
    axis.set_ylabel(text)
    axis.set_xlabel("")
    axis.get_legend().remove()
axes[2].set_ylim(-0.03, 1)
axes[0].axhline(1, color="#5a6270", lw=1, ls="--")
axes[1].axhline(1, color="#5a6270", lw=1, ls="--")
handles, labels = axes[0].get_legend_handles_labels()
fig_sweep.legend(handles, [f"K = {k}" for k in labels], loc="outside upper right", ncols=3)
fig_sweep

# %% [markdown]
# The same runs as paired differences from ReLU. Inside the shaded band a difference does not
# matter by the rule.

# %% mystnb={"image": {"alt": "Five panels above each other with the paired differences from ReLU for five activations and three widths, every seed a point with mean and interval; a shaded band marks differences that do not matter."}} tags=["hide-input"]
gaps = experiment.against(swept, list(experiment.DRAWN_MARGINS), "activation", "relu")
fig = differences_from(gaps, "activation", experiment.DRAWN_MARGINS, reference="ReLU")
fig

# %% tags=["remove-cell"]
on_card = ("weight_redundancy", "probe_accuracy")
margins_on_card = {measure: experiment.DRAWN_MARGINS[measure] for measure in on_card}
image = thumbnail(differences_from(gaps, "activation", margins_on_card, reference="ReLU"))

# %% [markdown]
# In numbers: the paired difference from ReLU with its interval. One star: sign-flip test below 5 %
# after Holm's correction over the fifteen comparisons of a measure. Two stars: the whole interval
# lies beyond the margin as well.

# %% tags=["hide-input"]
judged = experiment.evidence_of(tables)
try:
    numbers = shown(words.activation_table(judged))
except MissingEvidence as missing:
    numbers = HTML(f"<p>Not judged: needs {missing.args[0]}.</p>")
numbers

# %% tags=["remove-input"]
say(answers.give(tables, {"000.30": words.activation_answer(judged)}))

# %% [markdown]
# ## Does it scale?
#
# *Source 000, open question 2; source 002, "Does InfoMax scale?" and "Does EM structure matter at
# scale?"* Scale means width here: one layer, one dataset of small images.
#
# *Prediction.* If the findings are about the mechanism, then at every width redundancy under softmax
# stays more than a fifth below that without at the same $\lambda_{tc} = 0$, and output correlation
# stays at the simplex floor. If InfoMax scales, training keeps adding to the probe of both, however
# wide. If structure does not matter at scale, redundancy with and without softmax becomes alike.

# %% tags=["remove-input"]
say(
    f"K = {widest} is run with {widest_seeds} seeds: drawn, not judged."
    if widest
    else "Wider layers are a parameter of this page (widest) and not part of what is shown."
)

# %% [markdown]
# Batches of 128 have fewer samples than a layer of 256 units has units, so that the correlation term
# of A sees mostly sampling noise there; what the source's batch size does at scale belongs to the
# question.

# %%
narrower = experiment.scale_specs(dataset, widths, seeds, scale_epochs)
wider = experiment.widest_specs(dataset, widest, widest_seeds, scale_epochs) if widest else []
scale = pd.concat([run(specs, device=device, store=store) for specs in (narrower, wider)])
scale = experiment.with_untrained(scale, history([*narrower, *wider], store=store))
scale = per_width(scale)
scale = scale.sort_values("competition", ascending=False, kind="stable")  # B first, as elsewhere

# %% mystnb={"image": {"alt": "Six panels against the number of units on a logarithmic axis, three settings as colours, every seed a point: redundancy over isotropic rows, root mean square cosine, output correlation over the simplex floor, share of dead units, probe accuracy on the outputs, and its gain over the same layer untrained."}} tags=["hide-input"]
fig, axes = panels(3, 2, width=10.0, height=3.1)
measures = {
    "redundancy_over_random": ("redundancy / isotropic rows", True),
    "rms_cosine": ("rms cosine between rows", True),
    "correlation_over_floor": ("output correlation / simplex floor", True),
    "dead_share": ("share of dead units", False),
    "probe_accuracy": ("probe accuracy", False),
    "probe_gain": ("gain over untrained (points)", False),
}
for axis, (measure, (text, logarithmic)) in zip(axes.flat, measures.items(), strict=True):
    floors = levels if measure == "redundancy_over_random" else None
    along_grid(axis, scale, measure, "hidden_dim", "setting", floors, logarithmic)
    axis.set_ylabel(text)
    if measure == "dead_share":
        axis.set_ylim(-0.03, 1)
    axis.get_legend().remove()
fig.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
fig

# %% tags=["remove-input"]
columns = ["redundancy_over_random", "correlation_over_floor", "probe_accuracy", "probe_gain"]
by_setting = grouped_table(scale, ["setting", "hidden_dim"], columns)
shown(by_setting.rename(columns={"probe gain": "gain over untrained (points)"}))

# %% [markdown]
# Do A and B come to the same code? Linear CKA on the test images, 1 for codes that are rotations of
# each other: of A with B, beside two seeds of each, before training and after it. The gap between
# them can close because two seeds part, too; whether A and B meet, the first column says. A softmax
# alone changes a code, so that B is read before it as well.

# %% tags=["hide-input"]
alike = similarities(
    similarity_specs(dataset, widths, stack_dim, similarity_seeds, stack_epochs),
    device=device,
    store=store,
)
columns = ["across", "within_a", "within_b", "across_before", "within_b_before"]
shown(grouped_table(alike, ["hidden_dim", "level", "epochs"], columns))

# %% tags=["remove-input"]
tables["scale"] = scale
tables["similarities"] = alike
sentences = {
    "000.31": words.width_answer,
    "002.20": words.growth_answer(scale),
    "002.22": words.structure_answer,
}
say(answers.give(tables, sentences))

# %% [markdown]
# ## Do the features transfer?
#
# *Source 000, open question 3.* A layer is trained without labels on a source; a linear probe on
# its outputs is trained and tested on a target that the layer has never seen: another dataset, or
# the digits of the other half of the classes.
#
# *Prediction.* If the features are general, B is more than one point above random ReLU features on
# every target. PCA of the same width is a competitor beside it; raw pixels, of which there are many
# times more than units, are the ceiling of a linear read-out.

# %%
layers, references = experiment.transfer_specs(dataset, transfer_widths, seeds, feature_epochs)
features = evaluate_features(layers, device=device, store=store)
beside = evaluate_references(references, device=device, store=store)
transfer = experiment.transfer_table(features, beside)

# %% mystnb={"image": {"alt": "One panel for each width: probe accuracy on every target, five methods side by side as colours, every seed a point: InfoMax A, InfoMax B, untrained ReLU layers, PCA and raw pixels."}} tags=["hide-input"]
named = transfer.assign(method=transfer["method"].map(experiment.METHOD_NAMES))
fig, axes = panels(len(transfer_widths), 1, width=8.0, height=3.4)
for axis, k in zip([axes] if len(transfer_widths) == 1 else axes, transfer_widths, strict=True):
    rows = named[named["hidden_dim"] == k]
    seeds_by_condition(axis, rows, "target", "probe_accuracy", hue="method")
    axis.set_title(f"K = {k}", loc="left")
    axis.get_legend().remove()
handles = axis.get_legend_handles_labels()
fig.legend(*handles, loc="outside upper center", ncols=3)
fig

# %% tags=["remove-input"]
columns = ["source_accuracy", "probe_accuracy"]
shown(grouped_table(named, ["target", "hidden_dim", "method"], columns))

# %% tags=["remove-input"]
tables["transfer"] = transfer
say(answers.give(tables, {"000.32": words.transfer_answer(transfer)}))

# %% [markdown]
# ## Do layers compose?
#
# *Source 000, open question 4; source 001, "What does layer 2 see? Does InfoMax compose?"; source
# 002, "How does InfoMax interact with depth?"* Stacks of two and three layers, each layer reading
# the standardised outputs of the one below: trained one after the other (*greedy*), left *random*,
# or trained *end to end* by the loss of the last layer.
#
# *Prediction.* If InfoMax composes, a greedy stack is more than a point above a random one, and no
# layer of it is more than a point below the layer before or the first. The stack trained end to end
# stands beside it.

# %%
stacks = run_stacks(
    experiment.stack_specs(dataset, stack_dim, seeds, stack_epochs), device=device, store=store
)
stacks = per_width(stacks)

# %% mystnb={"image": {"alt": "Six panels, architecture A on the left and B on the right, against the number of layers one to three; greedy, random and end-to-end training as colours, every seed a point: probe accuracy of the top layer, its output correlation, and its share of dead units."}} tags=["hide-input"]
fig, axes = panels(3, 2, width=10.0, height=3.0)
measures = {
    "probe_accuracy": "probe accuracy",
    "output_correlation": "output correlation",
    "dead_share": "share of dead units",
}
for column, competition in enumerate(("none", "softmax")):
    rows = stacks[stacks["competition"] == competition]
    rows = rows.assign(training=rows["training"].str.replace("_", " "))
    for axis, (measure, text) in zip(axes[:, column], measures.items(), strict=True):
        seeds_by_condition(axis, rows, "depth", measure, hue="training")
        axis.set_xlabel("layers")
        axis.set_ylabel(text)
        axis.get_legend().remove()
        if measure == "output_correlation":
            axis.set_yscale("log")
        if measure == "dead_share":
            axis.set_ylim(-0.03, 1)
    axes[0, column].set_title(name(competition), loc="left")
fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
fig

# %% tags=["remove-input"]
tables["stacks"] = stacks
sentences = {
    "000.33": words.stack_answer(stacks),
    "001.22": words.second_layer_answer(stacks),
    "002.23": words.depth_answer(stacks),
}
say(answers.give(tables, sentences))

# %% [markdown]
# ## What does each layer say about its input?
#
# *Source 001, summary: "Each layer maximizes information about its input."* Outputs are a function of
# the input: without noise their information is infinite, and with noise of fixed size it would be
# enough that they grow. Noise as large as each unit's own standard deviation is added, and the
# information bounded on test images; three layers are trained one after the other. The source's own
# form, without activation and competition, decides.
#
# *Prediction.* If layers maximise information, that of every layer rises above what it was before
# its first step.

# %%
layerwise = pd.concat(
    layerwise_information(
        layerwise_specs(form, dataset, 16, layerwise_seeds, feature_epochs), device, store
    ).assign(form=form)
    for form in FORMS
)
ends = layerwise[layerwise["epoch"].isin([0, feature_epochs])]
shown(grouped_table(ends, ["form", "level", "epoch"], ["lower", "upper"]))

# %% [markdown]
# Uncorrelated outputs carry the most only if they are Gaussian, $\frac K2 \log 2$ here. Untrained
# units, sums over many pixels, are nearer to that than the rows that training finds; upper layers,
# which start correlated, have more to win. A softmax that becomes hard leaves little more than which
# unit won, $\log K$. These are explanations that fit, not tested ones.

# %% tags=["remove-input"]
tables["layerwise"] = layerwise
say(answers.give(tables, {"001.27": words.layerwise_answer(layerwise)}))

# %% [markdown]
# ## Other competitions
#
# *Source 000, open question 5; source 001, "Does it work with other competitive activations?"*
# Softmin is source 001's sign (the nearest prototype wins), sparsemax and entmax give exact
# zeros, a group softmax lets only neighbouring units compete, the gate multiplies the activation by
# its responsibility, top-k keeps the largest quarter, the log-softmax competes without bounds.
# Temperatures of the softmax are run at $\lambda_{tc} = 0$ only.
#
# *Prediction.* If competition is what keeps units apart, sparsemax and the group softmax, which the
# source names, lower redundancy against no competition by more than four fifths of what the softmax
# lowers it by. If InfoMax works with other competitions, training with the whole objective pays under
# each of them, and weights stay about as diverse as under the softmax.

# %%
competition_runs = experiment.competition_specs(dataset, seeds, short_epochs)
competitions = run(competition_runs, device=device, store=store)
competitions = experiment.with_untrained(competitions, history(competition_runs, store=store))
competitions = experiment.with_mechanism(competitions)

# %% mystnb={"image": {"alt": "Six panels, one line per competition mechanism, two pressures as colours, every seed a point: redundancy over isotropic rows, output correlation, probe accuracy on the outputs, probe accuracy before the competition, dead units, and gain of the probe over the untrained layer."}} tags=["hide-input"]
k = int(competitions["hidden_dim"].iloc[0])
marks = {
    "redundancy_over_random": levels,
    "output_correlation": {"simplex floor": simplex_floor(k)},
}
fig = by_mechanism(
    competitions,
    [
        "redundancy_over_random",
        "output_correlation",
        "probe_accuracy",
        "probe_accuracy_pre",
        "dead_units",
        "probe_gain",
    ],
    references=marks,
)
fig

# %% tags=["remove-input"]
tables["competitions"] = competitions
sentences = {"000.34": words.competition_answer, "001.23": words.works_answer}
say(answers.give(tables, sentences))

# %% [markdown]
# *Source 001, "Does this actually produce non-redundant hyperplanes on real data?"* Its own form has
# no activation and puts the loss on $z$; the log-sum-exp term makes the gradient a responsibility. Two
# hyperplanes are redundant if they measure the same of the images: the correlation of the outputs of
# the loss on $z$ decides, angles between rows inform.

# %% tags=["hide-input"]
hyperplanes = run(
    experiment.hyperplane_specs(dataset, seeds, short_epochs), device=device, store=store
)
forms = {
    "loss on z": where(hyperplanes, {"lambda_lse": 0.0}),
    "loss on z, with log-sum-exp": where(hyperplanes, {"lambda_lse": 1.0}),
    "A": where(competitions, {"mechanism": "none", "lambda_tc": 1.0}),
    "B": where(competitions, {"mechanism": "softmax", "lambda_tc": 0.0}),
}
columns = ["redundancy_over_random", "aligned_pairs", "output_correlation", "probe_accuracy_pre"]
shown(interval_table(forms, columns, by="form"))

# %% tags=["remove-input"]
tables["hyperplanes"] = hyperplanes
say(answers.give(tables, {"001.21": words.hyperplane_answer}))

# %% [markdown]
# ## A supervised signal beside InfoMax
#
# *Source 001, "How does a supervised signal interact with InfoMax? Auxiliary loss?"* The
# cross-entropy of a linear head on the outputs, times $\lambda_{ce}$, is added to the objective of
# A and of B. At $\lambda_{ce} = 0$ the head reads a layer that does not notice it.
#
# *Prediction.* If the two signals get along, there is a weight that improves the probe by more than
# a point and leaves output correlation where it is.

# %%
guided = run_auxiliary(
    experiment.auxiliary_specs(dataset, ce_weights, seeds, feature_epochs),
    device=device,
    store=store,
)

# %% mystnb={"image": {"alt": "Four panels against the weight of the cross-entropy on a logarithmic axis with zero at its left, architectures A and B as colours, every seed a point: probe accuracy, accuracy of the head, redundancy over isotropic rows, and output correlation."}} tags=["hide-input"]
fig, axes = panels(2, 2, width=10.0, height=3.2)
measures = {
    "probe_accuracy": "probe accuracy",
    "head_accuracy": "accuracy of the head",
    "redundancy_over_random": "redundancy / isotropic rows",
    "output_correlation": "output correlation",
}
for axis, (measure, text) in zip(axes.flat, measures.items(), strict=True):
    floors = levels if measure == "redundancy_over_random" else None
    along_grid(axis, guided, measure, "lambda_ce", floors=floors, log_y="accuracy" not in measure)
    axis.set_ylabel(text)
    axis.get_legend().remove()
fig.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
fig

# %% tags=["remove-input"]
tables["auxiliary"] = guided
say(answers.give(tables, {"001.24": words.auxiliary_answer}))

# %% [markdown]
# ## Is decorrelation good enough?
#
# *Source 001, "Is Gaussian/decorrelation good enough, or does nonlinear dependence matter?"*
# The share of all dependence that decorrelation, or $-\log\det R$, removes is the quality of the
# approximation. Each objective stands at the $\lambda_{tc}$ of its grid that leaves the least.
# Dependence is HSIC above its sampling floor, and co-firing beyond chance on all test images, since
# HSIC sees little of units that fire rarely. These shares decide, in the upper panel of the second
# figure. What training with the normalised HSIC of all pairs in place of $\|R - I\|^2$ removes is
# not all; shares of that inform, in the lower panel. The $\lambda_{tc}$ that leaves the least
# dependence is not that of the best features: units that hardly fire hardly depend on each other.
#
# *Prediction.* If the approximation is good enough, the shares without softmax are above 80 %.

# %%
objective_runs = experiment.objective_specs(
    dataset, hsic_pressures, seeds, hsic_seeds, short_epochs
)
objectives = run(objective_runs, device=device, store=store)
objective_names = {"infomax": "decorrelation", "log_det": "log det", "hsic": "HSIC"}
pairs = zip(objectives["objective"], objectives["lambda_tc"], strict=True)
objectives = objectives.assign(
    hsic_excess=objectives["hsic"] - objectives["hsic_floor"],
    setting=[
        f"{objective_names[objective]}\nλ_tc = {pressure:g}"
        if pressure
        else "no pressure\nλ_tc = 0"
        for objective, pressure in pairs
    ],
)
tables["objectives"] = objectives

# %% mystnb={"image": {"alt": "Two panels above each other for objectives and pressures side by side, no softmax and softmax as colours, every seed a point: HSIC of the outputs above its sampling floor, and probe accuracy."}} tags=["hide-input"]
fig, (above, below) = panels(2, 1, width=8.0, height=3.4)
seeds_by_condition(above, objectives, "setting", "hsic_excess", hue="competition")
above.axhline(0, color="#5a6270", lw=1, ls="--")
above.set_ylabel("HSIC above its floor")
above.set_xlabel("")
seeds_by_condition(below, objectives, "setting", "probe_accuracy", hue="competition")
below.set_xlabel("objective")
below.get_legend().remove()
fig

# %% mystnb={"image": {"alt": "Two panels above each other with the shares of dependence that decorrelation and log det remove, with intervals; dashed lines at eighty per cent, full ones at one hundred. Above: of all dependence without softmax, by HSIC and by co-firing. Below: of the HSIC that the HSIC objective removes, without and with softmax."}} tags=["hide-input"]
judged = experiment.evidence_of(tables)
shares = experiment.removed_shares(judged)
fig, (above, below) = panels(2, 1, width=8.0, height=2.6)
shares_removed(above, shares, GOOD_ENOUGH, "all dependence, without softmax")
removable = experiment.removable_shares(judged)
shares_removed(below, removable, GOOD_ENOUGH, "the HSIC that the HSIC objective removes")
fig

# %% tags=["remove-input"]
sentence = f"{words.shares_answer(shares)} {words.pressure_answer(judged)}"
say(answers.give(tables, {"001.25": sentence}))

# %% [markdown]
# ## Is independence the right target?
#
# *Source 002: "Maybe some redundancy is good (robustness)."* Layers over a grid of
# $\lambda_{tc}$, with and without softmax, and under four other competitions. A linear probe is
# trained on clean outputs and then tested, as it is, on images with Gaussian noise and without a
# random share of the units; what counts is the share of its clean accuracy that is left, averaged
# over the levels.
#
# *Prediction.* If independence is the right target, then along $\lambda_{tc}$ of A layers with less
# correlated outputs lose less, under noise and without units: rank correlations within each seed
# above zero, of which those below one half are none. If redundancy buys robustness, they have the
# other sign.

# %%
robust = experiment.robustness_table(
    evaluate_features(
        experiment.robustness_specs(dataset, robustness_pressures, seeds, feature_epochs),
        device=device,
        store=store,
    )
)

# %% mystnb={"image": {"alt": "Six panels: clean probe accuracy, share left under noise and share left after losing units, each against redundancy over isotropic rows and against output correlation on logarithmic axes; small marks are seeds, large ones configurations, colours are competitions; each panel states its rank correlation."}} tags=["hide-input"]
outcomes = {
    "probe_accuracy": "clean probe accuracy",
    "noise_retained": "share left under noise",
    "loss_retained": "share left without units",
}
fig = dependence_against_outcomes(
    robust, ["redundancy_over_random", "output_correlation"], outcomes
)
fig

# %% [markdown]
# A rank correlation over configurations is no experiment: configurations differ in more than their
# redundancy, and those of one competition lie together. Along the grid of one architecture only
# $\lambda_{tc}$ changes, and that of A decides:

# %% tags=["hide-input"]
columns = ["redundancy_over_random", "output_correlation", *outcomes]
shown(grouped_table(robust, ["mechanism", "lambda_tc"], columns))

# %% tags=["remove-input"]
tables["robustness"] = robust
say(answers.give(tables, {"002.21": words.target_answer}))

# %% [markdown]
# ## Controls and limits

# %% tags=["remove-input"]
say(
    rf"""
- *Untrained layers* stand beside every probe here that a claim rests on (gain over untrained,
  random stacks, untrained features); $\lambda = 0$ is on every grid; no competition is a
  mechanism among the others.
- *Multiple testing.* The sign-flip tests of the activation sweep are corrected within each
  measure (15 comparisons). With ten seeds no sign-flip test can give less than one in 512, so
  that a family of all measures at once could never reach 5 %. Of what is said of several widths,
  depths or targets the one closest to failing decides. Between the claims of this page nothing is
  corrected: fifteen statements are judged, each by intervals at 95 %.
- *Seeds.* {seeds} for everything that decides, but {layerwise_seeds} for the information of layers;
  {hsic_seeds} for layers that minimise HSIC, {similarity_seeds} for the similarity of codes. Intervals are over initial weights and data order.
- *Length.* Only the activation sweep is {epochs} epochs long. Competitions and objectives
  train for {short_epochs}, features for transfer, robustness and the supervised signal
  for {feature_epochs}, scale for {scale_epochs}, each layer of a stack for
  {stack_epochs}. What changes later is not seen.
- *Best of a grid.* The weight of the cross-entropy and the pressure of each objective are chosen
  on the same seeds that judge them; with the thresholds used, the bias is small.
- *Not run.* Scale in data and in depth beyond three layers; wide layers with batches larger than
  the source's 128; constraints instead of auxiliary losses; learning rates other than $10^{{-3}}$;
  stacks with other competitions; image data other than these.
"""
)

# %% [markdown]
# ## What would change our mind
#
# - A longer run or another dataset on which a verdict turns: `dataset`, `short_epochs`, `epochs`.
# - At scale: batches that grow with $K$, so that correlations are measured as well at $K = 1024$ as
#   at $K = 16$.
# - For robustness: an intervention on redundancy alone, at an otherwise equal layer.

# %% [markdown]
# ## Rerun this page
#
# ```bash
# infomax execute open_questions -p dataset=fashion-mnist -p seeds=5
# ```
#
# or `papermill notebooks/open_questions.ipynb out.ipynb -p widest_seeds 5`. Runs that the store knows
# are not computed again.

# %% [markdown]
# ## Claims of this chapter

# %% tags=["hide-input"]
evidence = experiment.evidence_of(tables)
verdicts = judge("open_questions", evidence, among=[])
verdicts

# %% tags=["remove-cell"]
quote(**answers.quoted())

# %% [markdown]
# ## Take-away

# %% tags=["remove-input"]
takeaway = (
    f"Does the activation before the softmax matter? {answers['000.30'].text} Is independence the "
    f"right target? {answers['002.21'].text} The table at the top of this page says the rest."
)
say(takeaway)

# %% tags=["remove-input"]
Card(
    chapter="open_questions",
    title="Open questions",
    claim="The activation before the softmax matters for redundancy and quality.",
    key_number=words.affected_measures(evidence),
    verdict=answers["000.30"].verdict,
    sentence="Measures that the activation before the softmax changes, of those in the sweep of "
    "six activations and three widths.",
    image=image,
    alt="Differences from ReLU of five activations before the softmax: redundancy and probe accuracy",
    takeaway=takeaway,
)

# %% tags=["check", "remove-cell"]
# NBVAL_CHECK_OUTPUT
for verdict in verdicts:
    print(verdict.id, verdict.number_verdict, verdict.interpretation_verdict, verdict.evidence)
