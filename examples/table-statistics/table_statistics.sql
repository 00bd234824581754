-- Counts the rows and leaves the number with the table in the catalog.
ANALYZE TABLE ${database}.${table} COMPUTE STATISTICS;
