"""Parts of the network: its sizes, its inputs, its trend head."""
