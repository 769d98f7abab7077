"""Tensors and plain values as the bytes of one safetensors file, which is read without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import safetensors.torch
from torch import Tensor

_KEY: Final = "dualwindow"


def to_bytes(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    """Pack tensors, and values as JSON metadata.

    Args:
        tensors: on the CPU, contiguous, none sharing memory with another.
        about: plain JSON types; infinity and NaN are kept too.
    """
    return bytes(safetensors.torch.save(dict(tensors), {_KEY: json.dumps(about)}))


def about_of(payload: bytes) -> dict[str, Any]:
    """The values that `to_bytes` packed.

    Raises:
        ValueError: when the header is damaged.
    """
    length = int.from_bytes(payload[:8], "little")
    try:
        header = json.loads(payload[8 : 8 + length])
        content: dict[str, Any] = json.loads(header["__metadata__"][_KEY])
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
    return content
