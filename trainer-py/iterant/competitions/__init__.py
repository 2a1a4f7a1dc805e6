"""Kaggle-style competitions: six synthetic ones with their generator, graders and reports in mlebench's form, and
mlebench itself where it is installed.

In reading order: `table` `metrics` `graders` `report`, then `draws` `spec` `synthetic/` `prepare`, then `upstream`
and `registry`. numpy is all they need; the programs that play them want pandas and scikit-learn besides.
"""
