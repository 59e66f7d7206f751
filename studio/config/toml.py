"""TOML files read into frozen pydantic models, with mistakes told in the words of the file."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from studio.config.errors import ConfigError, Problem
from studio.config.fields import MISTAKE
from studio.config.locate import line_of

M = TypeVar("M", bound=BaseModel)

_LONGEST_VALUE = 60
_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


class Table(BaseModel):
    """The base of everything that is read from TOML: unknown keys are mistakes, types are exact."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def load_toml(file: Path, model: type[M]) -> M:
    """Read `file` into `model`.

    Raises:
        ConfigError: the file is missing, is not TOML or does not fit the model; every mistake is named.
    """
    text = read_text(file)
    return validate(file, text, parse(file, text), model)


def read_text(file: Path) -> str:
    """Return the text of a UTF-8 file; a byte order mark at its start is dropped.

    Raises:
        ConfigError: the file is missing, cannot be read or is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(Problem(file, "", "no file", "a file")) from None
    except UnicodeDecodeError as error:
        # The bytes before the bad one are fine, so its line can be counted.
        line = error.object[: error.start].count(b"\n") + 1
        found = f"byte 0x{error.object[error.start]:02x}"
        raise ConfigError(Problem(file, "", found, "text in UTF-8", line)) from None
    except OSError as error:
        found = (error.strerror or "an error").lower()
        raise ConfigError(Problem(file, "", found, "a file that can be read")) from None


def parse(file: Path, text: str) -> dict[str, Any]:
    """Return the plain values of a TOML text.

    Raises:
        ConfigError: it is not TOML; with the line.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = _LINE.search(message)
        line = text.count("\n") + 1 if place and place[1] is None else int(place[1]) if place else None
        reason = _LINE.sub("", message)
        raise ConfigError(Problem(file, "", _lower(reason), "valid TOML", line)) from None


def validate(file: Path, text: str, values: dict[str, Any], model: type[M]) -> M:
    """Return `values`, which were read from `text`, as a model.

    Raises:
        ConfigError: they do not fit; every mistake is named.
    """
    try:
        return model.model_validate(_frozen(values))
    except ValidationError as error:
        problems = [_problem(file, text, detail, model) for detail in error.errors(include_url=False)]
        raise ConfigError(*problems) from None


def rewrite(file: Path, text: str, model: type[M]) -> M:
    """Put a text in a file's place, whole or not at all, once it is known to fit `model`, and return it as one.

    Raises:
        ConfigError: it does not fit.
        OSError: it cannot be written; the file is as it was.
    """
    fitting = validate(file, text, parse(file, text), model)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return fitting


def _frozen(value: Any) -> Any:
    """Lists become tuples, so that strict models accept them and stay immutable."""
    if isinstance(value, dict):
        return {key: _frozen(child) for key, child in value.items()}
    if isinstance(value, list):
        return tuple(_frozen(child) for child in value)
    return value


def _problem(file: Path, text: str, detail: ErrorDetails, model: type[BaseModel]) -> Problem:
    location = detail["loc"]
    line = line_of(text, location)
    if detail["type"] == "missing":
        return Problem(file, dotted(location), "nothing", "a value", line)
    if detail["type"] == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        return Problem(file, dotted(location), "an unknown key", _one_of(str(location[-1]), known), line)
    if detail["type"] == MISTAKE:
        return Problem(file, dotted(location), detail["ctx"]["found"], detail["ctx"]["expected"], line)
    expected = _lower(re.sub(r"^(Input should be|Value error,)\s*", "", detail["msg"]))
    return Problem(file, dotted(location), shown(detail["input"]), expected, line)


def _one_of(name: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"`{nearest[0]}`" if nearest else f"one of {', '.join(known)}"


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the table at `location` may have."""
    here: type[BaseModel] = model
    for part in location:
        if isinstance(part, int) or part not in here.model_fields:
            continue
        if (child := _model_in(here.model_fields[part].annotation)) is None:
            break
        here = child
    return list(here.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def dotted(location: tuple[int | str, ...]) -> str:
    """Return `("slots", 2, "id")` as `slots[2].id`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def shown(value: Any) -> str:
    """Return a value in TOML's words, cut to one short line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = value if len(value) <= _LONGEST_VALUE else value[: _LONGEST_VALUE - 1] + "…"
        return (
            '"' + text.encode("unicode_escape", "replace").decode() + '"'
            if not text.isprintable()
            else f'"{text}"'
        )
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, tuple):
        return f"a list of {len(value)}"
    return str(value)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
