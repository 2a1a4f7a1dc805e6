"""The tiny task: equations, a tokenizer, and a language model that solves some of them, made from nothing.

Read `equations`, then `vocabulary`, then `warm_start`. `python -m iterant.tiny make --out FOLDER` makes the folder
that ships as `equations/`.
"""
