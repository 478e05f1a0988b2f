"""Simulated services over real TCP, for tests and for `pulse bench`."""
