"""Two copies of a dataset, one history: inventory, plan, staging, verification, promotion, receipts."""
