-- The report that a failed run leaves.
CREATE TABLE IF NOT EXISTS ops.medallion_failures (
  execution STRING, failed_at TIMESTAMP, error STRING
) USING delta LOCATION '${warehouse}/ops/medallion_failures';

INSERT INTO ops.medallion_failures SELECT '${execution}', current_timestamp(), '${error}';
