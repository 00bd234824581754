import Millrace

/// Cleans delivered orders and sums them up by day and country.
///
///     daily-sales --orders s3://lake/raw/orders/ --customers s3://lake/raw/customers.csv --warehouse s3://lake/warehouse
@main
struct DailySales: SparkJob {
    static func run(_ spark: SparkSession, _ arguments: JobArguments) throws {
        let warehouse = try arguments.required("warehouse")
        let fewest = try arguments.integer("fewest-orders") ?? 1

        // Files of a known shape get a schema; values that do not fit are NULL.
        let delivered = try spark.read.option("header", true).schema(orderSchema).csv(try arguments.required("orders"))
        // For a small one it may be inferred.
        let customers = try spark.read.option("header", true).option("inferSchema", true)
            .csv(try arguments.required("customers"))

        var orders = try delivered
            .filter(col("order_id").isNotNull && col("quantity") > 0 && col("price") > 0)
            .dropDuplicates(["order_id"])
            .withColumn("revenue", (col("quantity") * col("price")).cast("decimal(12,2)"))
            .withColumn("day", F.to_date("ordered_at"))
            .join(customers, on: "customer_id", how: "left")
            .na.fill(["country": "unknown"])
            .select("order_id", "day", "country", "customer_id", "product", "quantity", "revenue")
        try spark.sql("CREATE DATABASE IF NOT EXISTS sales LOCATION '\(warehouse)/sales'")
        if try spark.catalog.tableExists("sales.orders") {
            orders = try orders.join(try spark.table("sales.orders"), on: "order_id", how: "left_anti")
        }
        spark.report("cleaning orders")
        let written = try orders.write.mode("append").partitionBy("country").saveAsTable("sales.orders")
        guard written.rows > 0 else { throw NoNewOrder(source: try arguments.required("orders")) }

        spark.report("summing up \(written.rows) orders")
        let best = Window.partitionBy("day").orderBy(col("revenue").desc, "country")
        let daily = try spark.table("sales.orders")
            .groupBy("day", "country")
            .agg(
                F.count("*").alias("orders"), F.sum("quantity").alias("items"), F.sum("revenue").alias("revenue"),
                F.count_distinct("customer_id").alias("customers"))
            .filter(col("orders") >= fewest)
            .withColumn("rank", F.row_number().over(best))
            .withColumn("size", F.when(col("revenue") >= 100, "large").when(col("revenue") >= 20, "medium").otherwise("small"))
        try daily.write.mode("overwrite").saveAsTable("sales.daily")

        // One row for each run, however often its process had to be started.
        try spark.createDataFrame([[.integer(written.rows)]], schema: "orders BIGINT")
            .withColumn("finished_at", F.current_timestamp())
            .write.mode("append").saveAsTable("sales.runs")

        try spark.table("sales.daily").orderBy("day", "rank").show(5)
    }

    static let orderSchema = StructType([
        StructField("order_id", .long),
        StructField("ordered_at", .timestamp),
        StructField("customer_id", .integer),
        StructField("product", .string),
        StructField("quantity", .integer),
        StructField("price", .decimal(precision: 10, scale: 2)),
    ])
}

/// An error of the job's own: its description becomes the last line of the log, and a Glue run's `ErrorMessage`.
struct NoNewOrder: Error, CustomStringConvertible {
    let source: String
    var description: String { "there is no new order in \(source)" }
}
