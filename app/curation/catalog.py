"""Every method that Winnow offers, by key: the one registration point."""
