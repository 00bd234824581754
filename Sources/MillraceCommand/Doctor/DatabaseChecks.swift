import StateStore

#if canImport(Glibc)
import Glibc
#endif

/// The databases of the data directory, read only, also while a server uses them.
struct DatabaseChecks {
    let directory: DataDirectory

    func findings() -> [Finding] {
        check(directory.state, StateStoreSchema.all, "state") + check(directory.objectIndex, StateStoreSchema.objects, "objects")
    }

    private func check(_ path: String, _ migrations: [StateStoreMigration], _ area: String) -> [Finding] {
        guard access(path, F_OK) == 0 else { return [] }
        do {
            let report = try DatabaseReport(path: path, migrations: migrations)
            if let problem = report.problems.first {
                let more = report.problems.count > 1 ? " and \(report.problems.count - 1) more" : ""
                return [damage(path, "\(problem)\(more)", area)]
            }
            return [.ok(area, "\(path) is whole, format \(report.formatVersion), \(report.bytes >> 10) KiB")]
        } catch StateStoreError.corrupt(let message) {
            return [damage(path, message, area)]
        } catch StateStoreError.newerFormat(let found, let supported) {
            return [
                .fail(
                    area, "\(path) has format \(found), this release reads up to \(supported)",
                    fix: "use the release of Millrace that wrote it")
            ]
        } catch {
            return [.fail(area, "\(path): \(error)", fix: "is it readable for this user? ls -l \(path)")]
        }
    }

    private func damage(_ path: String, _ what: String, _ area: String) -> Finding {
        .fail(
            area, "\(path) is damaged: \(what)",
            fix: "stop the server, keep a copy of the directory, and bring back a backup: millrace restore FILE")
    }
}
