"""freqtrade's own REST server, asked without a socket."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pandas as pd
from freqtrade.rpc.api_server.deps import get_rpc
from freqtrade.rpc.api_server.webserver import ApiServer
from freqtrade.rpc.rpc import RPC

with warnings.catch_warnings():
    # It works with httpx, which freqtrade's dependencies bring.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

_USER = ("tester", "secret of a test")
_SERVER: dict[str, Any] = {
    "enabled": True,
    "listen_ip_address": "127.0.0.1",
    "listen_port": 8080,
    "username": _USER[0],
    "password": _USER[1],
    "jwt_secret_key": "one that only a test has, long enough",
}


@dataclass(frozen=True)
class Answer:
    """What FreqUI gets of a pair's candles.

    Attributes:
        frame: the columns that were asked for; None, as JSON has it, where a value is missing.
        picker: all columns, which FreqUI offers to draw.
        content: the whole answer.
    """

    frame: pd.DataFrame
    picker: list[str]
    content: dict[str, Any]


class _Idle(ApiServer):
    """Listens to no port."""

    def start_api(self) -> None:
        """Wait for calls of the application itself."""


class Rest:
    """The calls of FreqUI's chart."""

    def __init__(self, client: TestClient, config: dict[str, Any]) -> None:
        self._client, self._config = client, config

    def plot_config(self, strategy: str | None = None) -> dict[str, Any]:
        """The chart's lines, of the running bot or in webserver mode of a strategy."""
        query = {} if strategy is None else {"strategy": strategy}
        return self._checked(self._client.get("/api/v1/plot_config", params=query, auth=_USER))

    def pair_history(self, pair: str, columns: list[str] | None = None, **more: Any) -> Answer:
        """A backtest's candles, in webserver mode."""
        body = {
            "pair": pair,
            "timeframe": "1m",
            "timerange": self._config["timerange"],
            "strategy": "DualWindowStrategy",
            "freqaimodel": "DualWindowLSTM",
            "columns": columns,
            "live_mode": False,
            **more,
        }
        return self._answer("pair_history", body)

    def refusal(self, pair: str, timerange: str) -> str:
        """The words that FreqUI shows where a pair has no chart of a time range."""
        body = {"pair": pair, "timeframe": "1m", "timerange": timerange}
        body |= {"strategy": "DualWindowStrategy", "freqaimodel": "DualWindowLSTM"}
        response = self._client.post("/api/v1/pair_history", json=body, auth=_USER)
        assert response.status_code == 502
        return str(response.json()["detail"])

    def offered(self, kind: str) -> list[str]:
        """The `strategies` or `freqaimodels` that FreqUI lets choose from."""
        content = self._checked(self._client.get(f"/api/v1/{kind}", auth=_USER))
        return list(content[kind])

    def pair_candles(self, pair: str, columns: list[str] | None = None) -> Answer:
        """A running bot's candles."""
        return self._answer("pair_candles", {"pair": pair, "timeframe": "1m", "columns": columns})

    def _answer(self, name: str, body: dict[str, Any]) -> Answer:
        content = self._checked(self._client.post(f"/api/v1/{name}", json=body, auth=_USER))
        frame = pd.DataFrame(content["data"], columns=content["columns"], dtype=object)
        return Answer(frame, content["all_columns"], content)

    def _checked(self, response: Any) -> dict[str, Any]:
        assert response.status_code == 200, response.text
        content: dict[str, Any] = response.json()
        return content


@contextmanager
def rest_server(config: dict[str, Any], *, bot: SimpleNamespace | None = None) -> Iterator[Rest]:
    """The server of a configuration, in webserver mode unless a bot is given.

    `bot` has the config, the strategy and the data provider of freqtrade's.
    """
    config |= {"api_server": dict(_SERVER)}
    server = _Idle(config, standalone=True)
    if bot is not None:
        rpc = RPC.__new__(RPC)
        rpc._freqtrade = bot
        ApiServer._rpc, ApiServer._has_rpc = rpc, True
        # In place of one that begins a session of a database first.
        server.app.dependency_overrides[get_rpc] = lambda: rpc
    try:
        yield Rest(TestClient(server.app), config)
    finally:
        ApiServer.shutdown()
