"""Iterant's Python side: the learner, the inference engines, and the host that makes actors of them."""
