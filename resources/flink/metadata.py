"""The head of the file that Flink writes last into a checkpoint or savepoint.

    magic number (4 bytes) · format version (4) · number of the checkpoint (8) · everything else

Checkpoints and savepoints of one job are counted together, and a job that is restored counts on from the number of
what it was restored from; so the number tells which of two states is the newer one, whatever the clock has done:
org.apache.flink.runtime.checkpoint.Checkpoints (storeCheckpointMetadata), CheckpointCoordinator.restoreSavepoint.
"""

import struct
from pathlib import Path

_MAGIC = 0x4960672D
_HEAD = struct.Struct(">IIq")


def checkpoint_number(metadata: Path) -> int | None:
    """The number of the checkpoint, or None when the file is gone or is none of Flink's: cut off, overwritten."""
    try:
        with metadata.open("rb") as file:
            head = file.read(_HEAD.size)
    except OSError:
        return None
    if len(head) < _HEAD.size:
        return None
    magic, _, number = _HEAD.unpack(head)
    return number if magic == _MAGIC else None
