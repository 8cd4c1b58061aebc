"""Check list, scorecard and the small audits: figures that follow from the records, and what people state beside them; pure."""
