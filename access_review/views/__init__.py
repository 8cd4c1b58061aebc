"""What people see: terminal, report, pictures and sheets. Views of the record, which is JSON and Parquet."""
