"""How a training begins: what it needs, the network before its first step, warm starts."""
