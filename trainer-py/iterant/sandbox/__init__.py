"""Runs one untrusted program behind walls. Standard library only: half of it runs inside the sandbox itself.

`launcher` builds the walls and takes them down again; `runner` is its hand inside. Neither knows tasks, scores or
actors; TypeScript (envs/sandbox) decides what is run and says what came of it.
"""
