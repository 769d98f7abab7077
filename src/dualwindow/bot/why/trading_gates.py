"""The gates behind a decision: freqtrade's own, from positions, locks and money."""

from __future__ import annotations

from dualwindow.bot.why.facts import CandleFacts, LockFacts, TradingFacts
from dualwindow.bot.why.verdicts import Gate, closed, is_open, not_known
from dualwindow.columns import HOLD, SHORT
from dualwindow.data.candles.timerange import utc_text


def side_gate(facts: CandleFacts) -> Gate:
    """The decided side is traded at all."""
    prediction = facts.prediction
    decides_short = prediction is not None and prediction.usable and prediction.decision == SHORT
    if decides_short and not facts.can_short:
        return closed(
            "side",
            "no shorts",
            "SHORT was decided, and this market or strategy makes no shorts",
            "trading_mode futures, or another decision",
        )
    return is_open("side", "the side is traded")


def position_gate(facts: CandleFacts) -> Gate:
    """The pair has no open position."""
    trading = facts.trading
    if trading is None:
        return _without("position", facts)
    if trading.open_position and not trading.ordered:
        return closed(
            "position",
            "open position",
            trading.open_position,
            "an earlier end of that position: freqtrade holds one a pair",
        )
    return is_open("position", "the pair had no open position")


def lock_gate(facts: CandleFacts) -> Gate:
    """Neither the pair nor all pairs are locked, by a protection or otherwise."""
    trading = facts.trading
    if trading is None:
        return _without("lock", facts)
    if trading.lock is not None and not trading.ordered:
        return _locked(trading.lock)
    return is_open("lock", "no lock was known")


def _locked(lock: LockFacts) -> Gate:
    if lock.protection:
        words = f"the protection {lock.protection}: {lock.words}"
        return closed("lock", "protection", words, "other settings of that protection")
    cause = "all pairs locked" if lock.of_all else "locked pair"
    return closed("lock", cause, lock.words, "an earlier end of the lock")


def slots_gate(facts: CandleFacts) -> Gate:
    """Fewer positions are open than `max_open_trades`."""
    trading = facts.trading
    if trading is None:
        return _without("max_open_trades", facts)
    if trading.slots is None:
        return is_open("max_open_trades", "not limited")
    count, most = trading.slots
    words = f"{count} of {most} were open"
    if count >= most and not trading.ordered:
        return closed("max_open_trades", "max_open_trades", words, "a larger max_open_trades")
    return is_open("max_open_trades", words)


def stake_gate(facts: CandleFacts) -> Gate:
    """There is money for the stake."""
    trading = facts.trading
    if trading is None:
        return _without("stake", facts)
    if trading.stake_problem and not trading.ordered:
        return closed("stake", "no stake", trading.stake_problem, "more balance or a smaller stake")
    if trading.stake is None:
        return not_known("stake", "the balance of that moment is not known")
    available, stake = trading.stake
    words = f"{available:.8g} were available for a stake of {stake:.8g}"
    if (available < stake or stake <= 0) and not trading.ordered:
        return closed("stake", "no stake", words, "more balance, or a smaller stake_amount")
    return is_open("stake", words)


def order_gate(facts: CandleFacts) -> Gate:
    """An order was made, and filled."""
    trading = facts.trading
    if trading is None:
        return _without("order", facts)
    return _order(facts, trading)


def _order(facts: CandleFacts, trading: TradingFacts) -> Gate:
    if trading.entered:
        return is_open("order", trading.entered)
    prediction = facts.prediction
    if prediction is None or not prediction.usable or prediction.decision == HOLD:
        return not_known("order", "nothing was decided that asks for one")
    if trading.unfilled:
        return closed("order", "unfilled order", trading.unfilled, "a price that was reached")
    if trading.refused:
        return closed("order", "refused", f"freqtrade: {trading.refused}", "see its words")
    if trading.end:
        return closed(
            "order",
            "end of the backtest",
            f"freqtrade enters nothing in the last candle, {_entry(facts)}",
            "a longer time range",
        )
    return closed("order", "refused", _refusal(facts, trading), "its log of that minute tells")


def _refusal(facts: CandleFacts, trading: TradingFacts) -> str:
    known = "" if trading.stake is None else ", with money for it"
    return (
        f"no trade was made at {_entry(facts)}{known}, and no record tells why: the strategy's "
        "confirm_trade_entry, the exchange's smallest amount, or an order that was not filled"
    )


def _entry(facts: CandleFacts) -> str:
    return utc_text(facts.second + facts.candle_seconds)


def _without(name: str, facts: CandleFacts) -> Gate:
    return not_known(name, facts.no_trading or "no trades are known")
