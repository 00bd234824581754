CREATE OR REPLACE TABLE gold.revenue_by_day USING delta LOCATION '${warehouse}/gold/revenue_by_day' AS
SELECT
  CAST(InvoiceDate AS DATE) AS day,
  Country AS country,
  sum(Revenue) AS revenue,
  sum(Quantity) AS quantity,
  count(DISTINCT InvoiceNo) AS invoices,
  count(*) AS lines
FROM silver.retail
GROUP BY CAST(InvoiceDate AS DATE), Country
ORDER BY day, country;
