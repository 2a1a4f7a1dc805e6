"""Tests of iterant.sampling; a package, so that its modules have names of their own."""
