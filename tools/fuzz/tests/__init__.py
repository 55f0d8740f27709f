"""The tests of the fuzzing."""
