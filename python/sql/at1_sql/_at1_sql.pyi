"""The extension; private but for `Answer`."""

from collections.abc import Sequence

class Answer:
    """The answer to a query: an Arrow stream that can be drawn from any number of times."""

    @property
    def names(self) -> list[str]:
        """The columns, in order."""

    @property
    def types(self) -> list[str]:
        """The Arrow type of each column, in words."""

    def check(self) -> None:
        """Raises what ended the last drawing before its time, if anything did: a consumer of a stream is only told in words."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...

def provider(folder: str, past: str | None = None) -> object: ...
def query(
    text: str, tables: Sequence[tuple[str, str, str | None]], memory_bytes: int | None = None
) -> Answer: ...
