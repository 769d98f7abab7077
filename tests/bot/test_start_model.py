"""`pretrained` in the bot: the adapter asked directly, in a backtest and in a running bot."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

from dualwindow.bot.config_checks import read_settings
from dualwindow.bot.start_model import read_start
from dualwindow.errors import DataError, SettingsError
from dualwindow.models.portable import ModelOrigin, load_portable, save_portable
from dualwindow.models.trained_model import TrainedModel
from tests.makers.bot import PAIR, Bot, make_bot
from tests.makers.live_bot import NEVER_EXPIRES, ROWS, Live

#: Candles that the model was trained on, and where the bot's own training ends.
SEEN, KNOWN = 3000, 4000
PERIODS = (30, 240)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, btc_futures: pd.DataFrame) -> Bot:
    """A bot without a pretrained model, which makes one."""
    bot = make_bot(tmp_path_factory.mktemp("original"), periods=PERIODS)
    bot.train(bot.features(btc_futures.iloc[:SEEN].reset_index(drop=True)))
    return bot


@pytest.fixture(scope="module")
def folder(original: Bot, btc_futures: pd.DataFrame) -> Path:
    return saved(original, btc_futures["date"])


def saved(bot: Bot, dates: pd.Series) -> Path:
    """Write the model of a bot that was trained on the first candles."""
    path = Path(bot.config["user_data_dir"]) / "portable"
    origin = ModelOrigin(
        name="portable",
        pairs=(PAIR,),
        exchange="binance",
        trading_mode="futures",
        timeframe="1m",
        periods=PERIODS,
        first=int(dates.iloc[0].timestamp()),
        until=int(dates.iloc[SEEN].timestamp()),
    )
    save_portable(path, bot.model.model, origin)
    return path


def bot_with(userdir: Path, folder: Path, **parameters: Any) -> Bot:
    return make_bot(userdir, {"pretrained": str(folder), **parameters}, periods=PERIODS)


@pytest.fixture(scope="module")
def featured(original: Bot, btc_futures: pd.DataFrame) -> pd.DataFrame:
    return original.features(btc_futures.iloc[: KNOWN + 600].reset_index(drop=True))


@pytest.fixture(scope="module")
def using(folder: Path, featured: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Bot:
    """A bot that uses the model as it is, "trained" on the candles that follow the model's."""
    bot = bot_with(tmp_path_factory.mktemp("using"), folder, epochs=0)
    bot.train(featured.iloc[SEEN:KNOWN])
    return bot


def test_a_slice_is_predicted_from_its_first_candle_as_the_model_itself_would(
    using: Bot, original: Bot, featured: pd.DataFrame
) -> None:
    found, decisions, do_predict = using.predict(featured.iloc[KNOWN:])
    assert do_predict.all()
    expected, said, _ = original.predict(featured.iloc[SEEN:])
    np.testing.assert_allclose(found, expected[KNOWN - SEEN :], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(decisions, said[KNOWN - SEEN :])


def test_a_model_of_extended_features_is_for_a_bot_that_makes_them(
    tmp_path: Path, btc_futures: pd.DataFrame
) -> None:
    original = make_bot(tmp_path / "original", {"feature_set": "extended"}, periods=PERIODS)
    featured = original.features(btc_futures.iloc[: KNOWN + 100].reset_index(drop=True))
    original.train(featured.iloc[:SEEN])
    folder = saved(original, btc_futures["date"])
    bot = bot_with(tmp_path / "using", folder, epochs=0, feature_set="extended")
    bot.train(featured.iloc[SEEN:KNOWN])
    found, _, do_predict = bot.predict(featured.iloc[KNOWN:])
    assert do_predict.all()
    expected, _, _ = original.predict(featured.iloc[SEEN:])
    np.testing.assert_allclose(found, expected[KNOWN - SEEN :], rtol=0, atol=1e-6)
    with pytest.raises(OperationalException, match="feature_set 'base': the pretrained model was"):
        bot_with(tmp_path / "base", folder, epochs=0)


def test_what_the_model_has_seen_is_not_predicted_in_a_backtest(
    using: Bot, featured: pd.DataFrame
) -> None:
    with pytest.raises(OperationalException, match=r"would be hindsight.*--timerange"):
        using.predict(featured.iloc[SEEN - 1 :])
    using.predict(featured.iloc[SEEN:])


def test_fine_tuning_goes_through_the_bot(
    using: Bot, folder: Path, featured: pd.DataFrame, tmp_path: Path
) -> None:
    tuned = bot_with(tmp_path, folder, epochs=1).train(featured.iloc[SEEN:KNOWN])
    before = using.model.model._network.state_dict()
    after = tuned._network.state_dict()
    changed = {name for name in before if not (before[name] == after[name]).all()}
    assert changed == set(before) - {"center", "scale", "mirror_source", "mirror_sign"}


# --- refused before any candle -------------------------------------------------------------------


def configured(using: Bot, **changes: Any) -> dict[str, Any]:
    return {**using.config, "strategy": "DualWindowStrategy", **changes}


def start_of(config: dict[str, Any]) -> Any:
    return read_start(config, read_settings(config))


def test_a_backtest_of_what_the_model_has_seen_is_refused_at_start(
    using: Bot, btc_futures: pd.DataFrame
) -> None:
    seen = int(btc_futures["date"].iloc[SEEN].timestamp())
    start_of(configured(using, timerange=f"{seen}-{seen + 86_400}"))
    early = configured(using, timerange=f"{seen - 60}-{seen + 86_400}")
    with pytest.raises(DataError, match="would be hindsight"):
        start_of(early)
    # A running bot predicts what comes, whatever stands in the configuration.
    assert start_of({**early, "runmode": RunMode.DRY_RUN}).warnings == ()


def test_a_clock_that_lies_before_the_model_is_told(
    using: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dualwindow.bot.start_model.time.time", lambda: 1_600_000_000.0)
    (warning,) = start_of(configured(using, runmode=RunMode.DRY_RUN)).warnings
    assert "check the clock" in warning


def with_features(using: Bot, **changes: Any) -> dict[str, Any]:
    freqai = using.config["freqai"]
    features = freqai["feature_parameters"] | changes
    return configured(using, freqai=freqai | {"feature_parameters": features})


def test_other_averages_are_refused_at_start_where_the_strategy_is_known(using: Bot) -> None:
    other = with_features(using, indicator_periods_candles=[60, 240])
    with pytest.raises(SettingsError, match=r"price_to_ma60.*price_to_ma30"):
        start_of(other)
    # A strategy of one's own may make them nonetheless; the first training tells.
    start_of({**other, "strategy": "Mine"})
    start_of(with_features(using, include_corr_pairlist=["ETH/USDT:USDT"]))


def test_another_market_is_told(using: Bot) -> None:
    (warning,) = start_of(configured(using, trading_mode="spot", fee=0.0005)).warnings
    assert "trading_mode 'spot'" in warning


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"window_size": 120}, "window_size 120: .* 60"),
        ({"lstm_units": [8, 8]}, r"lstm_units \[8, 8\]: .*\[12, 8\]"),
        ({"pretrained": "nowhere"}, "pretrained 'nowhere': there is no nowhere nor .*models"),
    ],
)
def test_what_does_not_fit_ends_the_bot_with_a_message(
    parameters: dict[str, Any], words: str, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(OperationalException, match=words):
        make_bot(tmp_path, {"pretrained": str(folder), **parameters}, periods=PERIODS)


def test_features_that_only_candles_tell_are_refused_by_the_first_training(
    folder: Path, featured: pd.DataFrame, tmp_path: Path
) -> None:
    bot = bot_with(tmp_path, folder, epochs=0)
    frame = featured.iloc[SEEN:KNOWN].assign(**{"%-rsi": 50.0})
    with pytest.raises(SettingsError, match="volume_to_ma240, rsi, the pretrained model's are"):
        bot.train(frame)
    # Which ends a backtest, instead of empty predictions.
    with pytest.raises(OperationalException, match="rsi"):
        bot.model._append_null_backtesting_predictions(bot.kitchen(), frame)


def test_a_model_folder_is_not_for_freqai_to_write_in(using: Bot, folder: Path) -> None:
    models = Path(using.config["user_data_dir"]) / "models"
    shutil.copytree(folder, models / "portable")
    freqai = using.config["freqai"] | {"identifier": "portable"}
    with pytest.raises(SettingsError, match=r"freqai.identifier 'portable'.*set another"):
        start_of(configured(using, freqai=freqai))


def test_an_identifier_belongs_to_one_pretrained_model(
    original: Bot, using: Bot, folder: Path, tmp_path: Path
) -> None:
    userdir = Path(using.config["user_data_dir"])
    bot_with(userdir, folder, epochs=0)
    origin = load_portable(folder).origin
    other = original.model.model.network_of(original.model.model._network.shape)
    other.core.head.bias.data += 1
    model = original.model.model
    save_portable(tmp_path / "other", TrainedModel(other, model.config, model.context), origin)
    with pytest.raises(OperationalException, match="pretrained: its models were made with"):
        bot_with(userdir, tmp_path / "other", epochs=0)


# --- beside a running market ----------------------------------------------------------------------


def test_a_running_bot_predicts_with_the_model_and_it_expires_when_retraining_stops(
    using: Bot, original: Bot, featured: pd.DataFrame, btc_futures: pd.DataFrame
) -> None:
    freqai = using.config["freqai"]
    freqai |= {"expiration_hours": NEVER_EXPIRES, "live_retrain_hours": NEVER_EXPIRES}
    kitchen = using.kitchen()
    kitchen.set_new_model_names(PAIR, 1_700_000_000)
    kitchen.training_features_list = list(featured.filter(like="%-"))
    kitchen.label_list = ["&-side"]
    kitchen.data_dictionary = {"train_features": pd.DataFrame(), "train_dates": pd.DataFrame()}
    using.model._describe_labels(kitchen)
    drawer = using.model.dd
    drawer.get_pair_dict_info(PAIR)
    drawer.pair_dict[PAIR]["trained_timestamp"] = 1_700_000_000
    drawer.save_data(using.model.model, PAIR, kitchen)
    live = Live(using, btc_futures.iloc[KNOWN:].iloc[: ROWS + 40].reset_index(drop=True))
    try:
        live.candle(0)
        expected, _, _ = original.predict(original.features(live.candles))
        for number in range(1, 20):
            row = live.candle(number).iloc[-1]
            assert row["do_predict"] == 1
            found = row[["SHORT", "HOLD", "LONG"]].to_numpy(np.float64)
            np.testing.assert_allclose(found, expected[number + ROWS - 1], rtol=0, atol=1e-5)
        freqai["expiration_hours"] = 1
        assert live.candle(20).iloc[-1]["do_predict"] == 2
    finally:
        using.model._live = False
