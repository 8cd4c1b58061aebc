"""Which access people look at, and what their answers prove: the parts of sample, decide and the judgement."""
