"""Tiny tasks, and for each a language model that does some of them right, made from nothing.

Read `equations`, then `vocabulary`, then `warm_start`; `office` is a second task, with calls in place of algebra,
`choices` a third, with programs.
`python -m iterant.tiny make equations --out FOLDER` makes the folder that ships as `equations/`, and so `make office`.
"""
