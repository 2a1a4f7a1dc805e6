"""Inference engines: ids in, ids with exact log-probabilities and policy versions out.

Read `request` (what is asked for), `prompt` (messages to ids), `choice` (logits to tokens), `slots` (many sequences at
once), `engine` (the actor). Knows no task, reward or environment.
"""
