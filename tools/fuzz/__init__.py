"""Coverage-guided fuzzing of the code that strangers reach: see README.md."""

HARNESSES = ("decryption", "jobs", "mails", "requests")
