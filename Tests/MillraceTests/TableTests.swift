import Millrace
import Testing

/// Reading, writing and the catalog.
@Suite struct TableTests {
    let place = Place()

    private func condition(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return (error as? SparkException)?.condition
        }
    }

    @Test func `CSV is read with a schema, with inference, and bad values as asked`() throws {
        let spark = try place.session()
        try place.put("in/a.csv", "id;day;price\n1;2026-01-31;2.50\n2;;x\n")
        let schema = StructType([StructField("id", .long), StructField("day", .date), StructField("price", .decimal(precision: 8, scale: 2))])
        let reader = spark.read.option("header", true).option("sep", ";")
        #expect(try reader.schema(schema).csv("s3://b/in/*.csv").texts == ["[1,2026-01-31,2.50]", "[2,null,null]"])
        #expect(try reader.schema("id INT, day STRING, price STRING").csv("s3://b/in/a.csv").texts.last == "[2,null,x]")
        #expect(try reader.option("inferSchema", true).csv("s3://b/in").schema.simpleString == "struct<id:int,day:date,price:string>")
        #expect(try reader.csv("s3://b/in").schema.simpleString == "struct<id:string,day:string,price:string>")
        #expect(try reader.schema(schema).options(["mode": "DROPMALFORMED"]).csv("s3://b/in").collect().count == 1)
        #expect(condition { _ = try reader.schema(schema).option("mode", "FAILFAST").csv("s3://b/in").collect() }?.hasPrefix("MALFORMED_RECORD_IN_PARSING") == true)
        #expect(condition { _ = try spark.read.csv("s3://b/none/").collect() } == "PATH_NOT_FOUND")
        #expect(condition { _ = try spark.read.schema("id INTT").csv("s3://b/in") } != nil)
    }

    @Test func `save modes`() throws {
        let spark = try place.session()
        let path = "s3://b/modes"
        let rows = spark.range(2)
        #expect(try rows.write.save(path).rows == 2)
        #expect(condition { try rows.write.save(path) } == "DELTA_TABLE_ALREADY_EXISTS")
        try rows.write.mode("append").save(path)
        #expect(try spark.read.load(path).count() == 4)
        try rows.write.mode("ignore").save(path)
        #expect(try spark.read.load(path).count() == 4)
        try spark.range(7).write.mode("overwrite").save(path)
        #expect(try spark.read.load(path).count() == 7)
        #expect(try spark.read.option("versionAsOf", 1).load(path).count() == 4)
        #expect(condition { try rows.write.mode("apend").save(path) } == "INVALID_SAVE_MODE")
        #expect(condition { try rows.write.format("avro").save(path) } == "UNSUPPORTED_FEATURE")
        #expect(condition { try rows.write.format("nope").save(path) } == "DATA_SOURCE_NOT_FOUND")
        let other = try rows.withColumn("x", lit(1))
        #expect(condition { try other.write.mode("append").save(path) } == "DELTA_METADATA_MISMATCH")
        #expect(try other.write.mode("overwrite").option("overwriteSchema", true).save(path).rows == 2)
        #expect(try spark.read.load(path).columns == ["id", "x"])
    }

    @Test func `tables are partitioned, registered, appended to by name, replaced`() throws {
        let spark = try place.session()
        _ = try spark.sql("CREATE DATABASE shop")
        let rows = try spark.createDataFrame([["NO", 1], ["IT", 2]], schema: "country STRING, n INT")
        #expect(try rows.write.partitionBy("country").saveAsTable("shop.sales").files == 2)
        try rows.select("n", "country").write.mode("append").saveAsTable("shop.sales")
        #expect(try spark.table("shop.sales").filter(col("country") == "NO").agg(F.sum("n")).texts == ["[2]"])
        try rows.limit(1).write.insertInto("shop.sales")
        #expect(try spark.table("shop.sales").count() == 5)
        try rows.write.mode("ignore").saveAsTable("shop.sales")
        #expect(try spark.table("shop.sales").count() == 5)
        try rows.limit(1).write.mode("overwrite").insertInto("shop.sales")
        #expect(try spark.table("shop.sales").texts == ["[NO,1]"])
        #expect(condition { try rows.write.saveAsTable("shop.sales") } == "TABLE_OR_VIEW_ALREADY_EXISTS")
        #expect(condition { try rows.write.insertInto("shop.none") } == "TABLE_OR_VIEW_NOT_FOUND")
        #expect(condition { try rows.write.saveAsTable("nowhere.t") } == "SCHEMA_NOT_FOUND")
        try rows.drop("n").write.mode("overwrite").option("path", "s3://b/elsewhere").saveAsTable("shop.moved")
        #expect(try spark.read.load("s3://b/elsewhere").columns == ["country"])

        let catalog = spark.catalog
        #expect(try catalog.listDatabases() == ["default", "shop"])
        #expect(try catalog.databaseExists("SHOP") && !catalog.databaseExists("nowhere"))
        try rows.createOrReplaceTempView("v")
        #expect(
            try catalog.listTables("shop").map { "\($0.database ?? "") \($0.name) \($0.isTemporary)" }
                == ["shop moved false", "shop sales false", " v true"])
        #expect(try catalog.tableExists("shop.sales") && catalog.tableExists("v") && !catalog.tableExists("sales"))
        #expect(try !catalog.tableExists("nowhere.t"))
        try catalog.setCurrentDatabase("shop")
        #expect(catalog.currentDatabase == "shop")
        #expect(try catalog.tableExists("sales"))
        #expect(try catalog.listColumns("sales").map(\.name) == ["country", "n"])
        #expect(condition { try rows.createTempView("v") } == "TEMP_TABLE_OR_VIEW_ALREADY_EXISTS")
        #expect(catalog.dropTempView("v") && !catalog.dropTempView("v"))
        #expect(condition { try catalog.setCurrentDatabase("nowhere") } == "SCHEMA_NOT_FOUND")
    }

    @Test func `SQL and frames see each other`() throws {
        let spark = try place.session()
        try spark.range(5).createOrReplaceTempView("numbers")
        let even = try spark.sql("SELECT id FROM numbers WHERE id % 2 = 0")
        #expect(try even.filter(col("id") > 0).texts == ["[2]", "[4]"])
        #expect(try spark.read.table("numbers").count() == 5)
        spark.setVariable("limit", "3")
        #expect(try spark.sql("SELECT id FROM numbers LIMIT ${limit}").count() == 3)
        try spark.conf.set("spark.sql.ansi.enabled", false)
        #expect(spark.conf.get("spark.sql.ansi.enabled") == "false")
        #expect(try spark.sql("SELECT CAST('x' AS INT)").texts == ["[null]"])
        spark.conf.unset("spark.sql.ansi.enabled")
        #expect(condition { _ = try spark.sql("SELECT CAST('x' AS INT)").collect() } == "CAST_INVALID_INPUT")
        #expect(condition { try spark.conf.set("spark.sql.session.timeZone", "Mars") }?.hasPrefix("INVALID_CONF_VALUE") == true)
        #expect(condition { _ = try spark.table("none").schema } == "TABLE_OR_VIEW_NOT_FOUND")
    }

    @Test func `a Delta table by itself`() throws {
        let spark = try place.session()
        let path = "s3://b/delta"
        try spark.range(1).write.save(path)
        try spark.range(2).write.mode("append").save(path)
        let table = try DeltaTable.forPath(spark, path)
        #expect(try table.toDF().count() == 3)
        #expect(try table.history().select("version", "operation").texts == ["[1,WRITE]", "[0,WRITE]"])
        #expect(try table.history(1).count() == 1)
        #expect(try DeltaTable.isDeltaTable(spark, path) && !DeltaTable.isDeltaTable(spark, "s3://b/none"))
        #expect(condition { _ = try DeltaTable.forPath(spark, "s3://b/none") } == "DELTA_MISSING_DELTA_TABLE")
        try spark.range(1).write.saveAsTable("named")
        #expect(try DeltaTable.forName(spark, "named").toDF().count() == 1)
        #expect(condition { _ = try DeltaTable.forName(spark, "none") } == "TABLE_OR_VIEW_NOT_FOUND")
        #expect(condition { _ = try spark.read.load("s3://b/none").collect() } == "DELTA_TABLE_NOT_FOUND")
        #expect(condition { _ = try spark.read.load("s3://other/t").collect() } != nil)
    }

    @Test func `tables at paths are created in SQL`() throws {
        let spark = try place.session()
        _ = try spark.sql("CREATE TABLE delta.`s3://b/made` USING delta PARTITIONED BY (k) AS SELECT id, id % 2 AS k FROM range(4)")
        #expect(try spark.sql("SELECT sum(id) FROM delta.`s3://b/made` WHERE k = 1").texts == ["[4]"])
        _ = try spark.sql("CREATE TABLE IF NOT EXISTS delta.`s3://b/made` AS SELECT 1 AS x")
        #expect(try spark.read.load("s3://b/made").columns == ["id", "k"])
        #expect(condition { _ = try spark.sql("CREATE TABLE delta.`s3://b/made` AS SELECT 1 AS x") } == "DELTA_TABLE_ALREADY_EXISTS")
        _ = try spark.sql("CREATE OR REPLACE TABLE delta.`s3://b/made` AS SELECT 1 AS x")
        #expect(try spark.read.load("s3://b/made").columns == ["x"])
        _ = try spark.sql("CREATE TABLE delta.`s3://b/empty` (id INT, day DATE)")
        #expect(try spark.read.load("s3://b/empty").schema.simpleString == "struct<id:int,day:date>")
        #expect(condition { _ = try spark.sql("CREATE TABLE csv.`s3://b/c` (id INT)") } == "UNSUPPORTED_FEATURE")
    }

    @Test func `rows at hand must fit their schema`() throws {
        let spark = try place.session()
        #expect(condition { _ = try spark.createDataFrame([[1, 2]], schema: "a INT") } == "AXIS_LENGTH_MISMATCH")
        #expect(condition { _ = try spark.createDataFrame([["x"]], schema: "a INT") } == "CANNOT_ACCEPT_OBJECT_IN_TYPE")
        #expect(condition { _ = try spark.createDataFrame([[300]], schema: "a TINYINT") } == "CANNOT_ACCEPT_OBJECT_IN_TYPE")
        #expect(condition { _ = try spark.createDataFrame([[nil]], schema: "a INT NOT NULL") } == "NOT_NULL_CONSTRAINT_VIOLATION")
    }

    /// Attempts at one piece of work: the second one runs the same program and finds its writes done.
    @Test func `a repeated program writes once`() throws {
        func program(_ spark: SparkSession) throws -> [Bool] {
            let rows = spark.range(3)
            return [
                try rows.write.mode("append").save("s3://b/once/a"),
                try rows.write.mode("append").saveAsTable("once"),
                try rows.write.mode("append").saveAsTable("once"),
                try rows.write.mode("append").insertInto("once"),
                try rows.write.mode("append").option("txnName", "mine").save("s3://b/once/a"),
                try rows.write.mode("append").option("txnName", "own").saveAsTable("once"),
                try rows.write.mode("overwrite").saveAsTable("twice"),
            ].map(\.alreadyCommitted)
        }
        #expect(try program(try place.session(scope: "e/1")) == [Bool](repeating: false, count: 7))
        #expect(try program(try place.session(scope: "e/1")) == [Bool](repeating: true, count: 7))
        let spark = try place.session(scope: "e/2")
        #expect(try spark.read.load("s3://b/once/a").count() == 6)
        #expect(try spark.table("once").count() == 12)
        #expect(try program(spark) == [Bool](repeating: false, count: 7))
        #expect(try spark.table("once").count() == 24)
    }
}
