"""What runs the SQL of the pure modules: DuckDB, embedded, or Spark, for those who outgrow one machine."""
