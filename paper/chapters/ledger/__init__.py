"""The ledger of all claims, and the other pages that are drawn from executed chapters."""
