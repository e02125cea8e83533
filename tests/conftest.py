"""What all tests need: no proxy of the user's between a test and its servers, and processes that can be interrupted."""

import os
import signal

from hypothesis import HealthCheck, settings

for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(name, None)
os.environ["NO_PROXY"] = "127.0.0.1,localhost"

# A shell that runs the tests in the background ignores Ctrl-C, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run, so that a failure is the change's; `make soak` looks for new ones.
# How long an example takes says something about the machine and its load, not about the code.
SLOW = [HealthCheck.too_slow]
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=SLOW)
settings.register_profile("soak", deadline=None, print_blob=True, suppress_health_check=SLOW)
settings.load_profile(os.environ.get("RESPLICE_PROPERTIES", "steady"))
