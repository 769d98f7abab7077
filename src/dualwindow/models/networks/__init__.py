"""Parts of the network: its sizes, inputs and trend head, and the cores that it may have."""
