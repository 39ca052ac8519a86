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
# # Performance
#
# Every result of this book is a mean over many small layers. They are trained together. This page
# shows what that saves against training them one by one, and how far it is from what the machine
# could do at best.

# %% tags=["parameters", "remove-cell"]
from paper.pages.parameters import Folder

benchmarks: Folder = "../benchmarks/results"  # folder of stored benchmarks
machine: str = "latest"  # name of a file in it without suffix, or latest

# %% tags=["remove-cell"]
from pathlib import Path

from IPython.display import HTML

from paper.chapters.performance import tables
from paper.chapters.performance.figures import growth_figure, throughput_figure
from paper.chapters.performance.records import read_records
from paper.chapters.performance.words import sentences
from paper.figures.style import use_style
from paper.figures.tables import table_html
from paper.pages.show import say, shown

use_style()
records = read_records(Path(benchmarks))
if machine != "latest" and machine not in records:
    raise ValueError(f"machine={machine!r}: choose latest or one of {', '.join(records)}")
record = next(iter(records.values())) if machine == "latest" else records[machine]
texts = sentences(record)

# %% tags=["remove-input"]
say("**In short.**", texts["in_short"], texts["sweep"])

# %% [markdown]
# ## What is compared
#
# - The **plain loop** trains one layer the obvious way: automatic differentiation, PyTorch's fused
#   optimizer, the data already one tensor, no data loader, no value read before the end of an
#   epoch. It is also the oracle of the tests: a layer in a population equals the layer of this
#   loop.
# - The **population** is what this book uses. Layers of one seed share their batches; layers of
#   different seeds do not. Both cases are shown. On a CPU, where inputs are sparse, Numba compiles
#   its whole training step once (some seconds, which are not counted, and kept on disk after
#   that); elsewhere it is made of PyTorch's operations on the tensors of all layers.
# - **vmap** and **bmm** are the two usual ways to train many layers in PyTorch: `torch.func.vmap`
#   over the plain loss, and batched matrix products with automatic differentiation. They do the
#   same work (same loss, same gradient, same fused optimizer), which a test checks.

# %% tags=["remove-input"]
say(f"""
- All of these are timed in **one process** with all threads. With more than one layer on a CPU
  they are also timed with their layers shared out among **a process per core**, each with one
  thread: that is how `run` trains what takes longer than half a minute. Where the tables do not
  say otherwise, the population is trained in this way and the plain loop is one loop with all
  threads. {texts["processes"]} Starting the processes, a few seconds once, is not counted.
""")

# %% [markdown]
# - The **limit** is what no step with whole matrix products can beat: the two of them,
#   $z = XW^\top$ and the gradient of $W$, at the best rate found on any matrix product, plus one
#   fused pass of the optimizer over weights, gradient and moments. It is measured beside each
#   setting, in the same minutes. Where at most a third of the inputs differ from zero, as on MNIST,
#   the population leaves out the products with zero: there this limit does not bind it.
#
# A *layer-step* is one gradient step of one layer on a batch of 128 images of 784 pixels. All
# contestants of a row take turns, so that a noisy moment hits all of them; the first turns are
# thrown away. Numbers are medians, with the quartiles in brackets, and ratios and shares are taken
# turn by turn. In the tables A is the layer without softmax, B the layer with it, 64 × K=16 stands
# for 64 layers of 16 units, and *dense* for inputs none of which is zero.

# %% tags=["remove-input"]
say(texts["machine"])

# %% [markdown]
# ## What was aimed at, and what was reached

# %% tags=["remove-input"]
say(texts["aims"])

# %% tags=["remove-input"]
# NBVAL_CHECK_OUTPUT
shown(tables.aim_table(record))

# %% [markdown]
# ## Number of layers

# %% tags=["remove-input"]
say(texts["layers"])

# %% mystnb={"image": {"alt": "Layer-steps per second against the number of layers, both axes logarithmic: population in a process per core and in one process, bmm, vmap and plain loop as lines with markers, the limit of the machine as a thick black line above them."}} tags=["remove-input"]
throughput_figure(record)

# %% tags=["remove-input"]
shown(tables.peer_table(record))

# %% [markdown]
# ## Every setting

# %% tags=["remove-input"]
say(texts["settings"])

# %% tags=["remove-input"]
shown(tables.engine_table(record))

# %% [markdown]
# What the limit is made of with one seed, A and Adam, in milliseconds per step of all layers, and
# the step itself:

# %% tags=["remove-input"]
shown(tables.limit_table(record))

# %% [markdown]
# ## Half precision
#
# `precision="bfloat16"` rounds the factors of the two matrix products to eight significant bits and
# keeps sums, weights and everything else in single precision. It is off by default, and multiplies
# whole matrices by PyTorch's operations: on images of digits, single precision leaves out the zeros
# instead. It can only gain where the processor multiplies such numbers.

# %% tags=["remove-input"]
say(
    texts["precision"],
    "A mean is *within* if it lies in the interval over seeds of single precision: then the choice "
    "of seeds matters more than the rounding.",
)

# %% tags=["remove-input"]
shown(tables.precision_table(record))

# %% [markdown]
# ## How cost grows

# %% tags=["remove-input"]
say(
    texts["growth"],
    "One factor grows at a time. Each point was measured in a process of its own; many layers are "
    "split into populations that are trained one after another, so that memory stays bounded.",
)

# %% mystnb={"image": {"alt": "Milliseconds per training step of all layers against the number of layers, the units of each, the inputs and the batch size, four panels above each other with logarithmic axes; the time of the two matrix products at the machine's peak rate as a black line."}} tags=["remove-input"]
growth_figure(record, "seconds")

# %% mystnb={"image": {"alt": "Peak of resident memory beyond the data, in mebibytes, against the number of layers, the units of each, the inputs and the batch size, four panels above each other with logarithmic axes."}} tags=["remove-input"]
growth_figure(record, "memory")

# %% tags=["remove-input"]
HTML(f"<details><summary>Every point</summary>{table_html(tables.growth_table(record))}</details>")

# %% [markdown]
# ## Linear probes
#
# A probe is a multinomial logistic regression of the class on a layer's outputs. The probes of all
# layers are fitted together.

# %% tags=["remove-input"]
say(texts["probes"])

# %% tags=["remove-input"]
shown(tables.probe_table(record))

# %% [markdown]
# ## Machine and versions

# %% tags=["remove-input"]
shown(tables.machine_table(record))

# %% [markdown]
# `make bench` measures your machine in about a quarter of an hour and adds a file to
# `benchmarks/results/`; this page then shows the most recent one. `make bench SWEEP=1` times the
# sweep, too. The stored benchmarks, each with its speed as a multiple of the plain loop and as a
# share of the limit; each measured the library as it was at its date:

# %% tags=["remove-input"]
shown(tables.overview_table(records))
