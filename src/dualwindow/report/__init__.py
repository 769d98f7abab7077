"""The report of a training or backtest: figures as JSON, and one HTML page without network access.

`build` gathers the files of a folder into one `Report` (`schema`) and writes both files.
`trainings` and `predictions` read, `verdict` concludes, `page` draws tables and charts.
"""
