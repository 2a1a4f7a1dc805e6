"""Inference engines: ids in, ids with exact log-probabilities and policy versions out.

Read `request` (what is asked for), `prompt` (messages to ids), `choice` (logits to tokens), `cache` (keys and values),
`slots` (many sequences at once), `waiting` (who goes next), `versions` (weights), `engine` (the actor). Knows no task,
reward or environment.
"""
