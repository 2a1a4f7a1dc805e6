"""A process with the heavy packages loaded that forks a fresh program for every job. Standard library alone."""
