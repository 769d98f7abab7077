"""Charts of the page, one module for each group of figures."""
