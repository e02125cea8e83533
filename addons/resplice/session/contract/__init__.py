"""What an API promises about its events, beyond their form: kept, or brought to what clients build on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resplice.session.contract.anthropic import AnthropicMessages
from resplice.session.contract.chat import ChatContract, LegacyContract
from resplice.session.contract.contract import Broken, Contract, Fate, Held, Listener, Mended, NoContract, Noted, Preceded
from resplice.session.contract.gemini import Gemini
from resplice.session.contract.ollama import Ollama
from resplice.session.contract.responses import OpenaiResponses
from resplice.session.contract.sealed import BedrockConverse, BedrockInvoke
from resplice.session.policy import Policy

__all__ = [
    "CONTRACTS",
    "Broken",
    "Contract",
    "Fate",
    "Held",
    "Listener",
    "Mended",
    "NoContract",
    "Noted",
    "Preceded",
    "contract_for",
]

CONTRACTS: Final[dict[str, Callable[[Policy, str], Contract]]] = {
    "openai-chat": ChatContract,
    "openai-completions": LegacyContract,
    "anthropic-messages": AnthropicMessages,
    "openai-responses": OpenaiResponses,
    "bedrock-converse": BedrockConverse,
    "bedrock-invoke": BedrockInvoke,
    "gemini": Gemini,
    "gemini-array": Gemini,
    "ollama": Ollama,
}
"""By the dialect's name: `(policy, seed)` -> the contract of one stream. Ids that it mints are made of the seed."""


def contract_for(dialect: str | None, policy: Policy, seed: str) -> Contract:
    """What a stream of that dialect has to keep to; a dialect without a contract of its own, or None, has to keep to nothing."""
    factory = CONTRACTS.get(dialect or "")
    return factory(policy, seed) if factory else NoContract()
