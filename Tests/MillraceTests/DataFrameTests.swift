import Millrace
import Testing

/// What each method gives. Expected rows are Spark 4's, by its documentation where the methods' names do not say it.
@Suite struct DataFrameTests {
    let spark: SparkSession
    let people: DataFrame
    let cities: DataFrame

    init() throws {
        spark = try Place().session()
        people = try spark.createDataFrame(
            [
                [1, "ann", 30, "oslo", 1.5], [2, "bob", nil, "rome", nil], [3, "cyd", 25, "oslo", 4.0],
                [4, "dan", 25, nil, 2.5],
            ], schema: "id INT, name STRING, age INT, city STRING, score DOUBLE")
        cities = try spark.createDataFrame([["oslo", "NO"], ["rome", "IT"], ["bonn", "DE"]], schema: "city STRING, country STRING")
    }

    // MARK: - Columns

    @Test func `columns are selected, computed, renamed, dropped`() throws {
        #expect(try people.select("id", col("age") + 1, lit("x").alias("x")).texts == ["[1,31,x]", "[2,null,x]", "[3,26,x]", "[4,26,x]"])
        #expect(try people.select("*").columns == ["id", "name", "age", "city", "score"])
        #expect(try people.select(["name", "id"]).columns == ["name", "id"])
        #expect(try people.selectExpr("id * 2 AS twice", "upper(name)").columns == ["twice", "upper(name)"])
        #expect(try people.selectExpr("id * 2 AS twice", "upper(name)").texts.first == "[2,ANN]")
        #expect(try people.withColumn("age", col("age") * 2).columns == ["id", "name", "age", "city", "score"])
        #expect(try people.withColumns(["a": col("id") + 1, "b": lit(true)]).select("a", "b").texts.last == "[5,true]")
        #expect(try people.withColumnRenamed("name", "who").withColumnRenamed("none", "x").columns == ["id", "who", "age", "city", "score"])
        #expect(try people.withColumnsRenamed(["id": "i", "age": "a"]).columns == ["i", "name", "a", "city", "score"])
        #expect(try people.drop("score", "none", "city").columns == ["id", "name", "age"])
        #expect(try people.toDF("a", "b", "c", "d", "e").select("e", "a").texts.first == "[1.5,1]")
    }

    @Test func `literals of every type`() throws {
        let row = try spark.range(1).select(
            lit(1).alias("i"), lit(5_000_000_000).alias("l"), lit(1.5).alias("d"), lit("a").alias("s"), lit(true).alias("b"),
            lit(nil).alias("n"), lit(.date("2026-01-31")).alias("day"), lit(.decimal("9.90")).alias("m"))
        #expect(try row.schema.simpleString == "struct<i:int,l:bigint,d:double,s:string,b:boolean,n:void,day:date,m:decimal(3,2)>")
        #expect(try row.texts == ["[1,5000000000,1.5,a,true,null,2026-01-31,9.90]"])
    }

    @Test func `operators and tests`() throws {
        let limit = 26
        #expect(try people.filter(col("age") > limit && col("city") == "oslo").select("id").texts == ["[1]"])
        #expect(try people.filter(col("age") <= 25 || col("age").isNull).select("id").texts == ["[2]", "[3]", "[4]"])
        #expect(try people.filter(!(col("city") != "oslo")).select("id").texts == ["[1]", "[3]"])
        #expect(try people.filter(col("age").isNotNull && col("age").between(20, 26)).select("id").texts == ["[3]", "[4]"])
        #expect(try people.filter(col("name").isin("ann", "dan")).select("id").texts == ["[1]", "[4]"])
        #expect(try people.filter(col("id").isin([1, 2])).count() == 2)
        #expect(try people.filter(col("id").isin([])).count() == 0)
        #expect(try people.filter(col("city").eqNullSafe(lit(nil))).select("id").texts == ["[4]"])
        #expect(try people.filter(col("name").like("_n%")).select("id").texts == ["[1]"])
        #expect(try people.filter(col("name").ilike("%D%") && col("name").rlike("^c")).select("id").texts == ["[3]"])
        #expect(try people.filter(col("name").startsWith("b") || col("name").endsWith("n")).select("id").texts == ["[1]", "[2]", "[4]"])
        #expect(try people.filter(col("name").contains("y")).select("id").texts == ["[3]"])
        #expect(try people.where("age = 25 AND city IS NULL").select("id").texts == ["[4]"])
        #expect(
            try people.limit(1).select(-col("id"), col("id") - 3, col("id") / 4, col("id") % 2, col("name").substr(2, 2)).texts
                == ["[-1,-2,0.25,1,nn]"])
        #expect(try people.limit(1).select(col("id").cast("string"), col("name").tryCast("int"), col("score").cast(.integer)).texts == ["[1,null,1]"])
    }

    @Test func `when and otherwise`() throws {
        let size = F.when(col("age") >= 30, "old").when(col("age") >= 20, "young").otherwise("unknown")
        #expect(try people.select(size).texts == ["[old]", "[unknown]", "[young]", "[young]"])
        #expect(try people.select(F.when(col("age") >= 30, col("id"))).texts == ["[1]", "[null]", "[null]", "[null]"])
        #expect(throws: SparkException.self) { try people.select(col("id").otherwise(1)) }
    }

    // MARK: - Rows

    @Test func `rows are sorted, cut, deduplicated`() throws {
        #expect(try people.orderBy("age", col("id").desc).select("id").texts == ["[2]", "[4]", "[3]", "[1]"])
        #expect(try people.sort(col("age").desc, "id").select("id").texts == ["[1]", "[3]", "[4]", "[2]"])
        #expect(try people.orderBy(col("age").ascNullsLast, col("id")).select("id").texts == ["[3]", "[4]", "[1]", "[2]"])
        #expect(try people.orderBy(col("age").descNullsFirst, col("id")).select("id").texts == ["[2]", "[1]", "[3]", "[4]"])
        #expect(try people.orderBy("id").offset(1).limit(2).select("id").texts == ["[2]", "[3]"])
        #expect(try people.select("age").distinct().count() == 3)
        #expect(try people.select("age").dropDuplicates().count() == 3)
        #expect(try people.dropDuplicates(["age"]).orderBy("id").texts.map { $0.prefix(2) } == ["[1", "[2", "[3"])
        #expect(try people.dropDuplicates(["age", "city"]).columns == people.columns)
        #expect(try people.orderBy("id").first()?["name"] == "ann")
        #expect(try people.orderBy("id").take(2).map { $0.getLong(0) } == [1, 2])
        #expect(try people.filter("id > 9").isEmpty() && !people.isEmpty())
        #expect(try people.filter("id > 9").first() == nil)
    }

    @Test func `sets of rows`() throws {
        let a = spark.range(0, 4), b = spark.range(2, 6)
        #expect(try a.union(b).count() == 8)
        #expect(try a.unionAll(b).count() == 8)
        #expect(try a.intersect(b).orderBy("id").texts == ["[2]", "[3]"])
        #expect(try a.except(b).orderBy("id").texts == ["[0]", "[1]"])
        let wide = try spark.createDataFrame([["x", 7]], schema: "k STRING, id BIGINT")
        #expect(try a.limit(1).unionByName(wide.drop("k")).texts == ["[0]", "[7]"])
        let filled = try a.limit(1).unionByName(wide, allowMissingColumns: true)
        #expect(try filled.columns == ["id", "k"])
        #expect(try filled.texts == ["[0,null]", "[7,x]"])
        #expect(throws: SparkException.self) { try a.unionByName(wide).collect() }
    }

    // MARK: - Joins

    @Test(arguments: [
        ("inner", ["[oslo,1,NO]", "[oslo,3,NO]", "[rome,2,IT]"]),
        ("left", ["[null,4,null]", "[oslo,1,NO]", "[oslo,3,NO]", "[rome,2,IT]"]),
        ("right", ["[bonn,null,DE]", "[oslo,1,NO]", "[oslo,3,NO]", "[rome,2,IT]"]),
        ("full_outer", ["[null,4,null]", "[bonn,null,DE]", "[oslo,1,NO]", "[oslo,3,NO]", "[rome,2,IT]"]),
        ("left_semi", ["[oslo,1]", "[oslo,3]", "[rome,2]"]), ("leftanti", ["[null,4]"]),
    ])
    func joins(how: String, expected: [String]) throws {
        let left = try people.select("city", "id")
        #expect(try left.join(cities, on: "city", how: how).orderBy("city", "id").texts == expected)
        let condition = try left.alias("p").join(cities.alias("c"), on: col("p.city") == col("c.city"), how: how)
        #expect(try condition.count() == Int64(expected.count))
    }

    @Test func `joins by several names, by none, by a wrong type`() throws {
        #expect(try people.join(people, on: ["id", "age"]).count() == 3)
        #expect(try people.crossJoin(cities).count() == 12)
        let error = #expect(throws: SparkException.self) { try people.join(cities, on: "city", how: "sideways") }
        #expect(error?.condition == "UNSUPPORTED_JOIN_TYPE")
        let ambiguous = #expect(throws: SparkException.self) {
            try people.join(cities, on: col("city") == col("city")).collect()
        }
        #expect(ambiguous?.condition == "AMBIGUOUS_REFERENCE")
    }

    // MARK: - Groups

    @Test func `groups and aggregates`() throws {
        #expect(
            try people.groupBy("city").agg(F.sum("score").alias("s"), F.count("*").alias("n"), F.max("name")).orderBy("city").texts
                == ["[null,2.5,1,dan]", "[oslo,5.5,2,cyd]", "[rome,null,1,bob]"])
        #expect(try people.groupBy("age").count().orderBy("age").texts == ["[null,1]", "[25,2]", "[30,1]"])
        #expect(try people.groupBy("city").sum("score", "age").columns == ["city", "sum(score)", "sum(age)"])
        #expect(try people.groupBy("city").avg().columns == ["city", "avg(id)", "avg(age)", "avg(score)"])
        #expect(try people.groupBy("city").min("id").orderBy("city").texts == ["[null,4]", "[oslo,1]", "[rome,2]"])
        #expect(try people.groupBy("city").max("id").orderBy("city").texts == ["[null,4]", "[oslo,3]", "[rome,2]"])
        #expect(try people.groupBy(F.length("name").alias("l")).mean("age").columns == ["l", "avg(age)"])
        #expect(
            try people.agg(
                F.count("age"), F.count_distinct("age"), F.sum_distinct("age"), F.avg("age"), F.first("name"), F.last("name"),
                F.collect_list("age"), F.count_if(col("age") == 25), F.max_by("name", "id"), F.min_by("name", "id"),
                F.bool_and(col("id") > 0), F.bool_or(col("id") > 3)
            ).texts == ["[3,2,55,26.666666666666668,ann,dan,[30, 25, 25],2,dan,ann,true,true]"])
        #expect(try people.agg(F.stddev("score"), F.variance("score")).collect()[0].values.map { $0.doubleValue.map { ($0 * 1e6).rounded() / 1e6 } } == [1.258306, 1.583333])
        #expect(try people.agg(F.first("age", ignoreNulls: true), F.last("city", ignoreNulls: true)).texts == ["[30,oslo]"])
        let missing = #expect(throws: SparkException.self) { try people.groupBy("city").agg(col("age")).collect() }
        #expect(missing?.condition == "MISSING_AGGREGATION")
    }

    @Test func windows() throws {
        let byAge = Window.partitionBy("city").orderBy(col("id").desc)
        #expect(
            try people.filter("city = 'oslo'").select(
                "id", F.row_number().over(byAge), F.lag("id").over(byAge), F.lead("id", 1, -1).over(byAge),
                F.sum("id").over(byAge), F.sum("id").over(Window.partitionBy("city")),
                F.sum("id").over(byAge.rowsBetween(Window.unboundedPreceding, Window.currentRow))
            ).orderBy("id").texts == ["[1,2,3,-1,4,4,4]", "[3,1,null,1,3,4,3]"])
        let byYears = Window.orderBy("age")
        #expect(
            try people.select("id", F.rank().over(byYears), F.dense_rank().over(byYears), F.ntile(2).over(byYears)).orderBy("id").texts
                == ["[1,4,3,2]", "[2,1,1,1]", "[3,2,2,1]", "[4,2,2,2]"])
        let error = #expect(throws: SparkException.self) {
            try people.select(F.sum("id").over(byYears.rowsBetween(-1, 1))).collect()
        }
        #expect(error?.condition == "UNSUPPORTED_FEATURE")
    }

    // MARK: - NULL and NaN

    @Test func `missing values are dropped and filled`() throws {
        #expect(try people.na.drop().select("id").texts == ["[1]", "[3]"])
        #expect(try people.na.drop("all", subset: ["age", "score"]).select("id").texts == ["[1]", "[3]", "[4]"])
        #expect(try people.na.drop(subset: ["city"]).select("id").texts == ["[1]", "[2]", "[3]"])
        #expect(try people.na.drop(thresh: 4).select("id").texts == ["[1]", "[3]", "[4]"])
        #expect(try people.na.fill(0).select("age", "city", "score").texts == ["[30,oslo,1.5]", "[0,rome,0.0]", "[25,oslo,4.0]", "[25,null,2.5]"])
        #expect(try people.na.fill("?").select("age", "city").texts.last == "[25,?]")
        #expect(try people.na.fill(["age": 1, "city": "here"]).select("age", "city").texts == ["[30,oslo]", "[1,rome]", "[25,oslo]", "[25,here]"])
        let floats = try spark.createDataFrame([[1.0], [nil], [.double(.nan)]], schema: "x DOUBLE")
        #expect(try floats.na.drop().texts == ["[1.0]"])
        #expect(try floats.na.fill(2).texts == ["[1.0]", "[2.0]", "[2.0]"])
        let error = #expect(throws: SparkException.self) { try people.na.drop(subset: ["nope"]) }
        #expect(error?.condition == "UNRESOLVED_COLUMN_AMONG_FIELD_NAMES")
    }

    // MARK: - Schemas and text

    @Test func `schemas are shown and compared`() throws {
        let schema = StructType([StructField("id", .long, nullable: false), StructField("tags", .array(.string))])
            .add("m", .map(.string, .decimal(precision: 10, scale: 2)))
            .add("s", .structure(StructType([StructField("x", .integer)])))
        #expect(try StructType.fromDDL("id BIGINT NOT NULL, tags ARRAY<STRING>, m MAP<STRING, DECIMAL(10,2)>, s STRUCT<x: INT>") == schema)
        let frame = try spark.createDataFrame([], schema: schema)
        #expect(try frame.schema == schema)
        #expect(schema["TAGS"]?.dataType == .array(.string))
        #expect(
            schema.treeString == """
                root
                 |-- id: long (nullable = false)
                 |-- tags: array (nullable = true)
                 |    |-- element: string (containsNull = true)
                 |-- m: map (nullable = true)
                 |    |-- key: string
                 |    |-- value: decimal(10,2) (valueContainsNull = true)
                 |-- s: struct (nullable = true)
                 |    |-- x: integer (nullable = true)

                """)
        for type in [DataType.decimal(precision: 39, scale: 0), .decimal(precision: 3, scale: 4), .decimal(precision: 0, scale: 0)] {
            #expect(throws: SparkException.self) { try people.select(col("id").cast(type)) }
        }
    }

    @Test func `show cuts rows and cells`() throws {
        #expect(
            try people.select("id", lit("a long text that is cut").alias("t")).showText(1) == """
                +---+--------------------+
                | id|                   t|
                +---+--------------------+
                |  1|a long text that ...|
                +---+--------------------+
                only showing top 1 row

                """)
        #expect(try people.explainText().hasPrefix("== Physical Plan =="))
    }

    // MARK: - Errors

    @Test func `errors have Spark's conditions`() throws {
        func check(_ condition: String, _ state: String, at location: SourceLocation = #_sourceLocation, _ body: () throws -> DataFrame) {
            let error = #expect(throws: SparkException.self, sourceLocation: location) { try body().collect() }
            #expect(error?.condition == condition, sourceLocation: location)
            #expect(error?.sqlState == state, sourceLocation: location)
            #expect(error?.description.hasPrefix("[\(condition)] ") == true, sourceLocation: location)
        }
        check("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703") { try people.select("nme") }
        check("PARSE_SYNTAX_ERROR", "42601") { try people.filter("id >") }
        check("DIVIDE_BY_ZERO", "22012") { try people.select(col("id") / 0) }
        check("CAST_INVALID_INPUT", "22018") { try people.select(col("name").cast("int")) }
        check("UNRESOLVED_ROUTINE", "42883") { try people.select(F.call("no_such", "id")) }
        check("UNSUPPORTED_DATATYPE", "0A000") { try people.select(col("id").cast("strng")) }
        check("DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "42K09") { try people.filter(col("id")) }
    }
}
