"""A and B on the images that methods of two views are trained on.

The batches are theirs, and every image of a batch is turned, scaled, shifted and masked at random
(`two_views.augment`) before the layer sees it: one view, as the objective compares none. B is read
before its softmax, where the probe finds more.
"""

from paper.methods.infomax.before_softmax import fit_many_on, infomax
from paper.methods.methods import DESCENT, Method
from paper.methods.two_views.augment import one_view

METHODS = (
    Method(
        "infomax_relu_views",
        "InfoMax A, on views",
        fit_many_on(infomax("none", 1.0), one_view),
        DESCENT,
        views=True,
    ),
    Method(
        "infomax_softmax_views",
        "InfoMax B, on views",
        fit_many_on(infomax("softmax", 0.0), one_view),
        DESCENT,
        views=True,
    ),
)
