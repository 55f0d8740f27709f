"""URLconfs for the tests, each a way in which a site may have ptrack."""
