"""What all documents share: ids, times, and frozen models."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["system", "user", "assistant"]
Split = Literal["train", "valid", "test"]
JobState = Literal["queued", "running", "paused", "done", "failed", "stopped", "killed"]


def new_id() -> str:
    """Return a random id that is safe as a file name: 32 lowercase hexadecimal digits."""
    return uuid.uuid4().hex


def now() -> datetime:
    """Return the current time in UTC, to the microsecond."""
    return datetime.now(UTC)


class Status(StrEnum):
    """What the reviewer has decided about an example."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FLAGGED = "flagged"


class Document(BaseModel):
    """What every stored document has: an id that never changes and the time it was made."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(default_factory=new_id)
    created_at: datetime = Field(default_factory=now)


class Part(BaseModel):
    """A value inside a document; it has no identity of its own."""

    model_config = ConfigDict(frozen=True, extra="ignore")
