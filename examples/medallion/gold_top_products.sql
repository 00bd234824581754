CREATE OR REPLACE TABLE gold.top_products USING delta LOCATION '${warehouse}/gold/top_products' AS
SELECT
  StockCode AS stock_code,
  min(Description) AS description,
  sum(Revenue) AS revenue,
  sum(Quantity) AS quantity
FROM silver.retail
WHERE StockCode RLIKE '^[0-9]{5}[A-Z]*$'
GROUP BY StockCode
ORDER BY revenue DESC, stock_code
LIMIT 10;
