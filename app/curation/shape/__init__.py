"""The shape of a corpus: what its topics are called, and where its samples lie on a map."""
