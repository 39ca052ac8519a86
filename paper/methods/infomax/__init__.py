"""This work among the methods it is compared with: what the three settings of a run leave out.

Their codes are read elsewhere, or they are trained on other images, so that each of them stands
beside methods that it can be compared with.
"""
