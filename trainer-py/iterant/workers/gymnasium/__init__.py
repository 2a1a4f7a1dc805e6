"""Gymnasium's environments as a helper process of the worlds."""
