"""Healthy streams, damaged in every way at every byte, and what clients read of them without Resplice and with it.

The truth is known, so every result can be judged: `python -m honesty --help`, or `make honesty`.
"""
