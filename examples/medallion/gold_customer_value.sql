CREATE OR REPLACE TABLE gold.customer_value USING delta LOCATION '${warehouse}/gold/customer_value' AS
SELECT
  CustomerID AS customer_id,
  sum(Revenue) AS revenue,
  count(DISTINCT InvoiceNo) AS invoices,
  min(InvoiceDate) AS first_purchase,
  max(InvoiceDate) AS last_purchase
FROM silver.retail
GROUP BY CustomerID
ORDER BY revenue DESC, customer_id;
