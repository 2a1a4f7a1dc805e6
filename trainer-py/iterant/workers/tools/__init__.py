"""Tool-use suites in a helper process: Python classes that a model calls, and what its calls are worth."""
