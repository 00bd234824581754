#if canImport(Glibc)
import Glibc
#endif

/// The program that runs jobs' attempts: beside this one in a build, in `libexec` once installed.
///
/// - Throws: `CommandFailure` naming every place that was looked at.
func findShim() throws -> String {
    let folder = programPath().split(separator: "/").dropLast()
    let candidates = [folder, folder.dropLast() + ["libexec", "millrace"]].map { parts in
        parts.reduce("") { $0 + "/" + $1 } + "/millrace-shim"
    }
    guard let found = candidates.first(where: { access($0, X_OK) == 0 }) else {
        throw CommandFailure(
            "millrace-shim, which runs the jobs, is in none of \(candidates.joined(separator: ", ")): install the whole of Millrace.")
    }
    return found
}
