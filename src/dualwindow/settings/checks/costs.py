"""Barriers and thresholds against what a trade costs: what cannot earn, and what hardly can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dualwindow.confidence.thresholds import MODE_THRESHOLDS, NEVER
from dualwindow.errors import SettingsError
from dualwindow.settings.messages import shown
from dualwindow.settings.root_settings import RootSettings
from dualwindow.settings.training_config import TrainingConfig

SPOT: Final = "spot"
FUTURES: Final = "futures"
#: Binance's taker fees of one side, as a fraction of the price.
USUAL_FEES: Final = {SPOT: 0.001, FUTURES: 0.0005}
#: Largest loss at the label's stop loss, as a fraction of the stake, far from liquidation.
LARGEST_STAKE_LOSS: Final = 0.5
#: From here on freqtrade's own stop loss (99 %) and the liquidation of a short are near.
_LARGEST_STOP: Final = 0.9
#: Share of a take profit, or of a loss, that costs may be, and precision that a model may need,
#: unwarned.
_LARGEST_SHARE: Final = 0.5
_LARGEST_PRECISION: Final = 0.9
#: The likeliest of three classes has at least this probability.
_LEAST_LIKELIEST: Final = 1 / 3
#: A softmax hardly ever reaches this.
_HARDLY_REACHED: Final = 0.99


@dataclass(frozen=True)
class Side:
    """Barriers of one side and what its trades earn after costs, as fractions of the price.

    `profit` is what a trade earns at its take profit, negative where costs eat it up; `loss` is
    what it loses at its stop loss. Time-outs and funding, which lie between, are left out.

    Example:
        >>> side = Side.of("long", TrainingConfig(), cost=0.001)
        >>> f"{side.profit:.3f} {side.loss:.3f} {side.break_even:.2f}"
        '0.009 0.006 0.40'
    """

    name: str
    take_profit: float
    stop_loss: float
    cost: float

    @classmethod
    def of(cls, name: str, config: TrainingConfig, cost: float) -> Side:
        """The long or the short side; `cost` is that of a round trip, a fraction of the price."""
        if name == "long":
            return cls(name, config.long_tp_pct, config.long_sl_pct, cost)
        return cls(name, config.short_tp_pct, config.short_sl_pct, cost)

    @property
    def profit(self) -> float:
        """Earned at the take profit."""
        return self.take_profit - self.cost

    @property
    def loss(self) -> float:
        """Lost at the stop loss."""
        return self.stop_loss + self.cost

    @property
    def break_even(self) -> float:
        """Share of trades that must end at the take profit for a total of zero; above 1: never."""
        return self.loss / (self.take_profit + self.stop_loss)

    @property
    def stops_early(self) -> bool:
        """Whether most of what a trade loses at its stop loss is its costs."""
        return self.cost > _LARGEST_SHARE * self.loss


def fee_of(root: RootSettings, content: Mapping[str, Any], trading_mode: str) -> float:
    """Fee of one side of a trade, a fraction of the price.

    It is `evaluation_fee`, else freqtrade's `fee`, else the usual one of the trading mode.

    Raises:
        SettingsError: when freqtrade's `fee` is no fraction.
    """
    given = content.get("fee")
    if given is not None and (
        isinstance(given, bool) or not isinstance(given, int | float) or not 0.0 <= given < 0.1
    ):
        raise SettingsError(
            [
                f"fee {shown(given)} must be a fraction of the price from 0 to below 0.1, such as "
                "0.001"
            ],
            "the configuration",
        )
    if root.evaluation_fee is not None:
        return root.evaluation_fee
    usual = USUAL_FEES[FUTURES if trading_mode == FUTURES else SPOT]
    return usual if given is None else float(given)


def leverage_problems(config: TrainingConfig, root: RootSettings) -> list[str]:
    """The problem of stop losses that lie behind a liquidation or freqtrade's own stop loss."""
    stop, leverage = max(config.long_sl_pct, config.short_sl_pct), root.leverage
    loss = leverage * stop
    if leverage > 1 and loss > LARGEST_STAKE_LOSS:
        return [
            f"leverage {leverage} with a stop loss of {stop} would lose {loss:.0%} of the stake, "
            "too near to liquidation for the stop to be reached; use at most "
            f"{LARGEST_STAKE_LOSS / stop:.0f}"
        ]
    return [
        f"{name} {value}: liquidation and freqtrade's own stop loss of 99 % come before it, so "
        f"that trades would not end where their labels do; use at most {_LARGEST_STOP}"
        for name in ("long_sl_pct", "short_sl_pct")
        if (value := getattr(config, name)) > _LARGEST_STOP
    ]


def cost_problems(
    config: TrainingConfig, root: RootSettings, fee: float, *, can_short: bool
) -> list[str]:
    """One sentence for every side that is traded and cannot earn anything."""
    return [
        f"{side.name}_tp_pct {side.take_profit:g} is not above the costs of a trade, "
        f"{_costs(fee, root)}: even a trade that ends at its take profit earns {side.profit:.4%}; "
        f"set {side.name}_tp_pct well above {side.cost:g}, or the fee that you really pay (`fee`, "
        "dualwindow.evaluation_fee)"
        for side in _sides(config, root, fee, can_short=can_short)
        if side.profit <= 0.0
    ]


def cost_warnings(
    config: TrainingConfig, root: RootSettings, fee: float, *, can_short: bool
) -> list[str]:
    """One sentence for every side that would need a very good model to earn its costs."""
    return [
        f"{side.name}_tp_pct {side.take_profit:g} with {side.name}_sl_pct {side.stop_loss:g} and "
        f"costs of {_costs(fee, root)}: a trade wins {side.profit:.4%} or loses {side.loss:.4%}, "
        f"so that {side.break_even:.0%} of the trades must end at their take profit to break even "
        f"(by chance it is about {side.stop_loss / (side.take_profit + side.stop_loss):.0%}); "
        f"choose a larger take profit or a {'larger' if side.stops_early else 'smaller'} stop loss"
        for side in _sides(config, root, fee, can_short=can_short)
        if side.profit > 0.0
        and (
            side.cost > _LARGEST_SHARE * side.take_profit
            or side.stops_early
            or side.break_even > _LARGEST_PRECISION
        )
    ]


def threshold_warnings(config: TrainingConfig, *, can_short: bool) -> Iterator[str]:
    """One sentence for every threshold that lets through all or nothing, or has no effect."""
    yield from idle_threshold(config)
    thresholds = config.thresholds
    if not thresholds.enabled:
        return
    own = config.confidence_threshold_short, config.confidence_threshold_long
    if config.class_balance == "none" and config.confidence_mode in MODE_THRESHOLDS and None in own:
        # At 45 % the aggressive mode let no candle of 190 days of BTC through.
        yield (
            f"confidence_mode {config.confidence_mode!r} has thresholds for balanced classes: with "
            "class_balance 'none' probabilities of SHORT and LONG are as rare as their trades, and "
            "such a model hardly trades; set confidence_mode 'coverage'"
        )
    for name, threshold in (("short", thresholds.short), ("long", thresholds.long)):
        setting, side = f"confidence_threshold_{name}", name.upper()
        if threshold == NEVER:
            continue
        if threshold < _LEAST_LIKELIEST:
            every = "every candle is" if threshold <= 0.0 else "candles are"
            first = ", and SHORT comes before LONG" if name == "short" else ""
            yield (
                f"{setting} {threshold:g} is below 1/3: {every} {side} even where it is the least "
                f"likely class{first}; the modes' thresholds are 0.45 to 0.7"
            )
        elif threshold >= _HARDLY_REACHED and (can_short or name == "long"):
            yield (
                f"{setting} {threshold:g} is a probability that a model hardly ever reaches, so "
                f"that it would hardly trade {side}; the modes' thresholds are 0.45 to 0.7"
            )


def idle_threshold(config: TrainingConfig) -> list[str]:
    """One sentence for every threshold, and setting of mode coverage, without an effect."""
    names = [f"confidence_threshold_{side}" for side in ("short", "long", "hold")]
    given = {name: value for name in names if (value := getattr(config, name)) is not None}
    if not config.use_confidence_thresholding:
        reason = "with use_confidence_thresholding false, which always decides the likeliest class"
        way_out = "remove one of them"
    elif config.confidence_fallback == "hold":
        given = {name: value for name, value in given.items() if name == names[-1]}
        reason = "with confidence_fallback 'hold': what is neither SHORT nor LONG is HOLD anyway"
        way_out = "remove it, or set confidence_fallback 'argmax'"
    else:
        given, reason, way_out = {}, "", ""
    idle = [f"{name} {value} has no effect {reason}; {way_out}" for name, value in given.items()]
    for name in () if config.coverage_sides else ("confidence_coverage", "confidence_measure"):
        if (value := getattr(config, name)) != type(config).model_fields[name].default:
            idle.append(
                f"{name} {value!r} has no effect: it is for confidence_mode 'coverage', and there "
                "for a side without a threshold of its own; set that mode, or remove it"
            )
    return idle


def _sides(
    config: TrainingConfig, root: RootSettings, fee: float, *, can_short: bool
) -> list[Side]:
    cost = 2.0 * (fee + root.evaluation_slippage)
    return [Side.of(name, config, cost) for name in (["long", "short"] if can_short else ["long"])]


def _costs(fee: float, root: RootSettings) -> str:
    slippage = root.evaluation_slippage
    both = f"{fee:g} fee" + (f" and {slippage:g} evaluation_slippage" if slippage else "")
    return f"{2.0 * (fee + slippage):g} (twice {both})"
