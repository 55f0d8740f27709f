"""The demo: send mails, open them, and see the opens and clicks in a report."""
