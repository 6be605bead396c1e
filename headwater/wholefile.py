"""Small files that a reader sees whole: as they were, or as they are, also after a crash in between."""

from pathlib import Path


def write_whole(file: Path, content: bytes) -> None:
    """Put this content in the file's place, in one step. The folder must be there."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_bytes(content)
    partial.replace(file)
