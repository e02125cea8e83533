"""What all tests need: no proxy of the user's between a test and its servers."""

import os

from hypothesis import settings

for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(name, None)
os.environ["NO_PROXY"] = "127.0.0.1,localhost"

# The same examples in every run, so that a failure is the change's; `make soak` looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("soak", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("RESPLICE_PROPERTIES", "steady"))
