"""`make mutate`: small faults in the decision core, one at a time, that some test must notice."""
