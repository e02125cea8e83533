"""What ``resplice run`` hands to mitmproxy's ``-s``; it works from an installed package, without the repository."""

from resplice.proxy.addon import Resplice

addons = [Resplice()]
