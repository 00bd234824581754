import Millrace
import QueryEngine
import Testing

@Suite struct SparkSessionTests {
    @Test func `frames select, group, join and show`() throws {
        let spark = try Place().session()
        let frame = try spark.createDataFrame(
            [[1, "a", 2.5], [2, "b", nil], [3, "a", 1.0]], schema: "id INT, k STRING, v DOUBLE")
        let totals = try frame.groupBy("k").agg(F.sum("v").alias("s"), F.count(lit(1)).alias("n"))
            .orderBy("k")
        #expect(
            try totals.showText() == """
                +---+----+---+
                |  k|   s|  n|
                +---+----+---+
                |  a| 3.5|  2|
                |  b|NULL|  1|
                +---+----+---+

                """)
        #expect(try frame.filter("v IS NOT NULL").withColumn("w", col("v") * 2).select("id", "w").collect().map(\.values)
            == [[1, 5.0], [3, 2.0]])
        #expect(try frame.join(totals, on: ["k"]).count() == 3)
        #expect(try spark.range(10).filter(col("id") % 3 == 0).count() == 4)
    }

    @Test func `a repeated script commits once`() throws {
        let place = Place()
        let script = """
            CREATE DATABASE IF NOT EXISTS gold;
            CREATE TABLE IF NOT EXISTS gold.t (id INT, name STRING) USING delta;
            INSERT INTO gold.t VALUES (1, '${who}'), (2, 'b');
            INSERT INTO gold.t SELECT id + 10, name FROM gold.t;
            SELECT count(*), max(id), min(name) FROM gold.t
            """
        var results: [[SparkValue]] = []
        var already: [Bool] = []
        for _ in 1...2 {
            let spark = try place.session(scope: "execution#1")
            try SQLScriptJob(spark).run(script, variables: ["who": "ann"]) { step in
                if let write = step.outcome.write { already.append(write.alreadyCommitted) }
            }
            results.append(try spark.sql("SELECT count(*), max(id), min(name) FROM gold.t").collect()[0].values)
        }
        #expect(results == [[4, 12, "ann"], [4, 12, "ann"]])
        #expect(already.suffix(2) == [true, true])
    }
}
