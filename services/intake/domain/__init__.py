"""Who is in care, as pure functions: `decide(state, command)` gives events, `evolve` folds them."""
