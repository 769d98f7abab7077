"""Why a candle was traded or not: gate after gate, of a backtest or of a running bot."""
