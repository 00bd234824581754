-- Bronze: every row of the delivered files as it is, with its origin.
-- Rows that do not fit the header go to ${bad_records} instead of being dropped.
CREATE OR REPLACE TEMPORARY VIEW delivered (
  InvoiceNo STRING, StockCode STRING, Description STRING, Quantity STRING,
  InvoiceDate STRING, UnitPrice STRING, CustomerID STRING, Country STRING
) USING csv OPTIONS (path '${input}', header 'true', escape '"', badRecordsPath '${bad_records}');

CREATE OR REPLACE TABLE bronze.retail USING delta LOCATION '${warehouse}/bronze/retail' AS
SELECT
  InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country,
  current_timestamp() AS _ingested_at,
  _metadata.file_path AS _source_file,
  _metadata.row_index AS _source_row
FROM delivered;
