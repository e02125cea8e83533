"""Repairs broken LLM streams as they pass: ``mitmdump -s addons/repair.py``."""

from resplice.proxy.addon import Resplice

addons = [Resplice()]
