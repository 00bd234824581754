#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// A program that is one job:
///
///     @main
///     struct DailySales: SparkJob {
///         static func run(_ spark: SparkSession, _ arguments: JobArguments) throws {
///             try spark.read.csv(try arguments.required("input")).write.saveAsTable("sales.daily")
///         }
///     }
///
/// What `run` throws ends the program with status 1 and one line on standard error: the last of the job's log, and a
/// Glue run's `ErrorMessage`. Wrong arguments end it with status 64.
public protocol SparkJob {
    static func run(_ spark: SparkSession, _ arguments: JobArguments) throws
}

extension SparkJob {
    public static func main() {
        do {
            let arguments = try JobArguments(Array(CommandLine.arguments.dropFirst()))
            try run(try SparkSession.builder.appName("\(Self.self)").getOrCreate(), arguments)
        } catch let error as JobArgumentError {
            end(error, status: 64)
        } catch {
            end(error, status: 1)
        }
    }

    private static func end(_ error: any Error, status: Int32) -> Never {
        // The form in which a Glue run finds its `ErrorMessage`.
        let line = Array("Error: \(error)\n".utf8)
        fflush(nil)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        exit(status)
    }
}
