"""Coverage-guided fuzzing of what strangers can reach: see README.md beside this."""

HARNESSES = ("decryption", "requests")
