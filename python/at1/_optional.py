"""Libraries that this package works with and does not need."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def need(module: str, what: str, install: str) -> Any:
    """The module, or an error that says how to get it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        # A module of that library that is missing is its own affair.
        if error.name != module.partition(".")[0]:
            raise
        raise ModuleNotFoundError(f"{what} needs {module.partition('.')[0]}: pip install {install}") from error
