"""What one turn of a chat needs to know."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from store.models import Message
from studio.config.persona import Sampling

LOCAL = "local:"
LOCAL_BASE = "local:base"


class Spec(BaseModel):
    """A conversation that waits for its next reply."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """An Ollama tag, `local:<checkpoint id>` or `local:base`."""
    messages: Annotated[tuple[Message, ...], Field(min_length=1)]
    system: str | None = None
    """None is the persona's prompt, or the one that a deployed model carries; empty is none."""
    sampling: Sampling | None = None
    """None is the persona's, or what a deployed model carries."""
    host: str | None = None
    """The Ollama server; OLLAMA_HOST or the default where None."""
    max_tokens: Annotated[int, Field(ge=1)] = 1024
    """The reply ends here at the latest."""
    context_size: Annotated[int, Field(ge=256)] | None = None
    """Tokens of context that Ollama is asked to keep; its own default where None."""
    first_token_seconds: Annotated[float, Field(gt=0)] = 300.0
    """How long the first sign may take: a big model has to be read from the disk."""
    silence_seconds: Annotated[float, Field(gt=0)] = 60.0
    """How long the server may then be silent before it counts as hung."""
