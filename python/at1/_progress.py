"""How far long work is: a bar of tqdm, or whatever is called instead."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from at1._optional import need

Progress = bool | Callable[[int], object]


@contextmanager
def told(progress: Progress, what: str) -> Generator[Callable[[int], object] | None, None, None]:
    """What is called with the bytes that were moved so far."""
    if progress is False:
        yield None
    elif progress is True:
        tqdm = need("tqdm.auto", "progress=True", "'at1[progress]'")
        with tqdm.tqdm(desc=what, unit="B", unit_scale=True) as bar:
            yield lambda moved: bar.update(moved - bar.n)
    else:
        yield progress
