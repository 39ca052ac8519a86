"""Results computed once: store, engine, sharing out among processes and machines, audit."""
