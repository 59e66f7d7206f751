"""What goes wrong with an Ollama server, in the three parts that a person needs."""

from __future__ import annotations

from studio.jobs.chat.coming import Coming
from studio.jobs.chat.spec import Spec
from studio.jobs.events import JobError
from studio.lm import ollama
from studio.lm.ollama import OllamaError, OllamaRefusedError, OllamaUnreachableError

NO_SERVER = "server"
"""The cause where a model of this machine could answer instead."""
_LOCAL_WAY = "or choose a checkpoint or the base: those answer without a server"


def hung(host: str, spec: Spec, coming: Coming) -> JobError:
    """Return what to say of a server that is silent for too long."""
    waited = spec.silence_seconds if coming.started else spec.first_token_seconds
    return JobError(
        f"Ollama at {host} has said nothing for {waited:.0f} s.",
        kept=_kept(coming),
        to_do=f"Look at `ollama ps` and restart the server if it hangs, {_LOCAL_WAY}.",
        cause=NO_SERVER,
    )


async def as_job_error(error: OllamaError, host: str, spec: Spec, coming: Coming) -> JobError:
    """Return what to say of a server that does not do what was asked; an old one is asked for its version."""
    kept = _kept(coming)
    if isinstance(error, OllamaUnreachableError) and coming.started:
        return JobError(
            f"{error.what} It went away in the middle of the reply.",
            kept=kept,
            to_do=f"Start it again with `ollama serve` and ask once more, {_LOCAL_WAY}.",
            cause=NO_SERVER,
        )
    if isinstance(error, OllamaUnreachableError):
        return JobError(
            error.what, kept=kept, to_do=f"Start it with `ollama serve`, {_LOCAL_WAY}.", cause=NO_SERVER
        )
    server = await ollama.find_server(host)
    if server is not None and server.too_old:
        oldest = ".".join(map(str, ollama.OLDEST_VERSION))
        return JobError(
            f"Ollama {server.version} is too old; {oldest} is the oldest that can be talked to. It said: {error.what}",
            kept=kept,
            to_do=f"Install a newer Ollama, {_LOCAL_WAY}.",
            cause=NO_SERVER,
        )
    if isinstance(error, OllamaRefusedError) and error.status == 404:
        return JobError(
            f"Ollama has no model {spec.model}.",
            kept=kept,
            to_do=f"`ollama list` shows those it has. Deploy a checkpoint, {_LOCAL_WAY}.",
            cause=NO_SERVER,
        )
    to_do = f"Ollama's own log says more. Ask again, {_LOCAL_WAY}."
    if "memory" in error.what:
        to_do = f"Unload other models (`ollama ps`, `ollama stop NAME`), deploy a smaller quantization, {_LOCAL_WAY}."
    return JobError(f"Ollama says: {error.what}", kept=kept, to_do=to_do, cause=NO_SERVER)


def _kept(coming: Coming) -> str:
    return "What came so far is kept." if coming.text else "Your question is kept."
