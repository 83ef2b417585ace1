"""Runs a plan: one loop owns the run's state, workers own one session each. The only room with threads, beside serve/."""
