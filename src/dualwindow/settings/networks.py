"""Names of the networks that there are, and of those that a user writes."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

#: Others are named `my_package.my_module:Net`.
NETWORKS: Final = ("lstm", "gru", "tcn", "linear")

NetworkName = Annotated[
    str,
    Field(
        max_length=200,
        pattern=rf"^({'|'.join(NETWORKS)}|[\w.]+:\w+)$",
        description="lstm, gru, tcn (dilated convolutions), linear (no look at the window: dense "
        "layers over the wide features, or over the last candle's where there are no wide ones), "
        "or `my_package.my_module:Net`, a class of your own.",
    ),
]


def is_own(network: str) -> bool:
    """Whether a network is a class of the user's own.

    Example:
        >>> is_own("gru"), is_own("my_networks:Net")
        (False, True)
    """
    return network not in NETWORKS
