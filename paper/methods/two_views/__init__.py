"""Methods that compare two views of a sample.

One file for each, even where a method is its loss alone: whoever adds another one writes one more
file. What they share is in :mod:`.augment` (the views) and :mod:`.joint_embedding` (layer, heads,
training).
"""
