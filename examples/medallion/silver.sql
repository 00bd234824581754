-- Silver: typed, deduplicated over all eight columns across files, then cleaned.
CREATE OR REPLACE TABLE silver.retail USING delta LOCATION '${warehouse}/silver/retail' AS
WITH parsed AS (
  SELECT DISTINCT
    InvoiceNo,
    StockCode,
    Description,
    TRY_CAST(Quantity AS INT) AS Quantity,
    TRY_CAST(InvoiceDate AS TIMESTAMP) AS InvoiceDate,
    TRY_CAST(UnitPrice AS DECIMAL(12, 3)) AS UnitPrice,
    TRY_CAST(regexp_replace(CustomerID, '[.]0$', '') AS INT) AS CustomerID,
    Country
  FROM bronze.retail
)
SELECT
  InvoiceNo,
  upper(trim(StockCode)) AS StockCode,
  trim(Description) AS Description,
  Quantity,
  InvoiceDate,
  UnitPrice,
  CustomerID,
  Country,
  CAST(Quantity * UnitPrice AS DECIMAL(18, 3)) AS Revenue
FROM parsed
WHERE InvoiceNo RLIKE '^[0-9]{6}$'
  AND Quantity > 0
  AND UnitPrice > 0
  AND CustomerID IS NOT NULL;

-- The state machine reads the number of rows back from the catalog.
ANALYZE TABLE silver.retail COMPUTE STATISTICS;
