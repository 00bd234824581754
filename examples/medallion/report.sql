-- One line for each run of the pipeline: what came in, what was kept, what it is worth.
CREATE TABLE IF NOT EXISTS ops.medallion_runs (
  execution STRING, finished_at TIMESTAMP, bronze_rows BIGINT, silver_rows BIGINT, revenue DECIMAL(28, 3)
) USING delta LOCATION '${warehouse}/ops/medallion_runs';

INSERT INTO ops.medallion_runs
SELECT '${execution}', current_timestamp(), b.bronze_rows, s.silver_rows, s.revenue
FROM (SELECT count(*) AS bronze_rows FROM bronze.retail) AS b
CROSS JOIN (SELECT count(*) AS silver_rows, CAST(sum(Revenue) AS DECIMAL(28, 3)) AS revenue FROM silver.retail) AS s;
