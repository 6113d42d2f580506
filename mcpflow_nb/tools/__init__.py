"""What a server offers and what comes back: tools, their schemas, and results as values."""
