"""Resplice repairs broken LLM streams inside mitmproxy."""

__version__ = "0.1.0"
