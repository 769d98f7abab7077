"""The report of a training or backtest: figures as JSON, and one HTML page that needs no network.

`sources` and `predictions` gather what lies in a folder into one `Report`; `charts`,
`candle_charts` and `page` draw it; `writing` puts both files there.
"""
