-- Any CSV files with a header line to one Delta table. Types are inferred from the values.
CREATE OR REPLACE TEMPORARY VIEW delivered USING csv OPTIONS (path '${input}', header 'true', inferSchema 'true');

CREATE OR REPLACE TABLE ${database}.${table} USING delta LOCATION '${location}' AS SELECT * FROM delivered;

-- The state machine reads the number of rows back from the catalog.
ANALYZE TABLE ${database}.${table} COMPUTE STATISTICS;
