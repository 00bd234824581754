import ArgumentParser
import FoundationEssentials
import Support

struct DatagenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "datagen",
        abstract: "Generate input to try things with.",
        subcommands: [Retail.self])

    struct Retail: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Daily CSV files of an online retailer, dirty in the ways of real deliveries.",
            discussion: """
                The same seed gives the same bytes. Saturdays have no file.

                EXAMPLES
                  millrace datagen retail --rows 200000 --out retail
                  aws s3 cp --recursive retail s3://lake/raw/retail/
                """)

        @Option(help: "Lines over all files, headers not counted.")
        var rows = 200_000
        @Option(help: "Files, one for each day.")
        var days = 60
        @Option(help: "First day, as YYYY-MM-DD.")
        var from = "2010-12-01"
        @Option(help: "Number that fixes every choice.")
        var seed: UInt64 = 1
        @Option(help: "Directory that receives the files; made if it is missing.")
        var out: String

        func validate() throws {
            guard (1...1_000_000_000).contains(rows) else { throw ValidationError("--rows must lie between 1 and 1000000000, found \(rows)") }
            guard (1...10_000).contains(days) else { throw ValidationError("--days must lie between 1 and 10000, found \(days)") }
            guard Timestamp(iso8601: from + "T00:00:00Z") != nil else {
                throw ValidationError("--from must be a date such as 2010-12-01, found '\(from)'")
            }
        }

        func run() throws {
            try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
            var written = 0
            try Self.eachFile(rows: rows, days: days, from: from, seed: seed) { name, text in
                let path = out + "/" + name
                guard FileManager.default.createFile(atPath: path, contents: Data(text.utf8)) else {
                    throw CommandFailure("cannot write \(path): is the directory writable and the disk not full?")
                }
                written += text.utf8.count
            }
            print("\(rows) lines in \(days) files, \(written) bytes, in \(out)")
        }

        /// Calls `body` with the name and text of each file in order of days.
        static func eachFile(
            rows: Int, days: Int, from: String, seed: UInt64, _ body: (_ name: String, _ text: String) throws -> Void
        ) rethrows {
            guard let start = Timestamp(iso8601: from + "T00:00:00Z") else { return }
            var generator = RetailGenerator(seed: seed)
            var day = Int(start.millisecondsSince1970 / 86_400_000)
            for index in 0..<days {
                // 1970-01-03 was a Saturday.
                while (day - 2) % 7 == 0 { day += 1 }
                let share = rows * (index + 1) / days - rows * index / days
                let (year, month, dayOfMonth) = CivilTime.civil(fromDays: day)
                let name = "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2)).csv"
                try body(name, generator.file(day: day, rows: share))
                day += 1
            }
        }
    }
}
