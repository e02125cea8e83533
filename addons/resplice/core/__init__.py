"""Bytes in, items out. Standard library only; no clock, no file, no log, no mitmproxy."""
