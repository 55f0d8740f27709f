"""The demo: send mails, open them, and watch the opens come in."""
