import StateStore
package import Support

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Makes one archive of a data directory, also while a server writes to it.
///
/// 1. A shared lock on `objects/backup.lock` is taken: as long as it is held, the object server removes no data file.
/// 2. The parts are written in the order that `BackupLayout` explains; databases as snapshots.
/// 3. The archive, `FILE.partial` until then, gets its name.
///
/// A backup that is killed leaves `FILE.partial`, which the next one overwrites; its lock goes with it.
package struct BackupMaker {
    private let directory: String
    private let file: String
    private let description: BackupDescription
    private let progress: (BackupProgress) -> Void

    /// Where the lock is, in the objects' directory.
    package static let lockName = "backup.lock"

    /// - Parameters:
    ///   - directory: the data directory.
    ///   - file: the archive; replaced when it exists.
    ///   - program: the version of this program.
    package init(
        of directory: String, to file: String, program: String, at now: Timestamp,
        progress: @escaping (BackupProgress) -> Void = { _ in }
    ) {
        self.directory = directory
        self.file = file
        self.progress = progress
        description = BackupDescription(
            program: program, createdAt: now, source: directory, stateFormat: StateStoreSchema.formatVersion)
    }

    /// - Returns: what was written in all.
    /// - Throws: `BackupError`; `StateStoreError` for a database that cannot be copied.
    package func run() throws -> BackupProgress {
        guard access(directory + "/" + BackupLayout.state, F_OK) == 0 else {
            throw BackupError("\(directory) is no data directory: it holds no \(BackupLayout.state)")
        }
        let hold = try holdDataFiles()
        defer { withExtendedLifetime(hold) {} }
        guard access(parent(of: file), W_OK) == 0 else {
            throw BackupError(
                "cannot write in \(parent(of: file)): \(String(cString: strerror(errno))). Make the folder, or name another file")
        }
        let partial = file + ".partial"
        let output = try BackupFile(partial, O_WRONLY | O_CREAT)
        guard flock(output.descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw BackupError("another backup to \(file) is under way")
        }
        // What a killed backup has left.
        guard ftruncate(output.descriptor, 0) == 0, fchmod(output.descriptor, 0o600) == 0 else {
            throw systemError("truncate", partial)
        }
        do {
            let done = try write(to: output)
            guard rename(partial, file) == 0 else { throw systemError("rename to", file) }
            try synchronise(directory: parent(of: file))
            return done
        } catch {
            unlink(partial)
            throw error
        }
    }

    /// Waits for a removal that is under way, which takes a moment.
    private func holdDataFiles() throws(BackupError) -> BackupFile? {
        let objects = directory + "/objects"
        guard access(objects, F_OK) == 0 else { return nil }
        let lock = try BackupFile("\(objects)/\(Self.lockName)", O_RDWR | O_CREAT)
        while flock(lock.descriptor, LOCK_SH) != 0 {
            if errno != EINTR { throw systemError("flock", lock.path) }
        }
        return lock
    }

    private func write(to output: BackupFile) throws -> BackupProgress {
        let sumsPath = file + ".partial-sums"
        unlink(sumsPath)
        let sums = try BackupFile(sumsPath, O_RDWR | O_CREAT | O_EXCL)
        unlink(sumsPath)
        var archive = ArchiveWriter(to: output, sums: sums, modified: description.createdAt)
        try archive.add(BackupLayout.description, description.encoded)
        try addAttempts(&archive)
        _ = try addDatabase(BackupLayout.state, &archive)
        try addTree(BackupLayout.payloads, &archive)
        for name in [BackupLayout.credentials, BackupLayout.userKeys, BackupLayout.configuration] {
            if let source = try BackupFile.ifPresent(directory + "/" + name) { try archive.add(name, source) }
        }
        var done = BackupProgress(bytes: archive.size, files: 0, filesTotal: 0)
        if access(directory + "/" + BackupLayout.index, F_OK) == 0 {
            let index = try addDatabase(BackupLayout.index, &archive)
            done.filesTotal = try index.dataFileCount()
            progress(done)
            try index.eachDataFile { id in
                let name = "\(BackupLayout.dataFiles)/\(id.text.prefix(2))/\(id.text)"
                guard let source = try BackupFile.ifPresent(directory + "/" + name) else {
                    throw BackupError(
                        "\(directory)/\(name) is missing, and an object needs it: the directory is damaged, "
                            + "and an earlier backup is what can be restored")
                }
                try archive.add(name, source)
                done.files += 1
                done.bytes = archive.size
                progress(done)
            }
        }
        try archive.finish()
        done.bytes = archive.size
        return done
    }

    private func addDatabase(_ name: String, _ archive: inout ArchiveWriter) throws -> DatabaseSnapshot {
        let temporary = file + ".partial-database"
        unlink(temporary)
        let snapshot = try DatabaseSnapshot(of: directory + "/" + name, temporary: temporary)
        try archive.add(name, BackupFile("/proc/self/fd/\(snapshot.descriptor)", O_RDONLY))
        progress(BackupProgress(bytes: archive.size, files: 0, filesTotal: nil))
        return snapshot
    }

    private func addAttempts(_ archive: inout ArchiveWriter) throws {
        let work = directory + "/" + BackupLayout.work
        for job in try names(in: work) {
            // The report socket is no directory.
            var status = stat()
            guard stat("\(work)/\(job)", &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { continue }
            for attempt in try names(in: "\(work)/\(job)") {
                let path = "\(work)/\(job)/\(attempt)/"
                guard access(path + BackupLayout.attemptFiles[0], F_OK) == 0 else { continue }
                for name in BackupLayout.attemptFiles {
                    guard let source = try BackupFile.ifPresent(path + name) else { continue }
                    try archive.add("\(BackupLayout.work)/\(job)/\(attempt)/\(name)", source)
                }
            }
        }
    }

    private func addTree(_ name: String, _ archive: inout ArchiveWriter) throws {
        for child in try names(in: directory + "/" + name) {
            let path = "\(directory)/\(name)/\(child)"
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }  // It has gone meanwhile: nothing refers to it any more.
            if status.st_mode & S_IFMT == S_IFDIR {
                try addTree("\(name)/\(child)", &archive)
            } else if let source = try BackupFile.ifPresent(path) {
                try archive.add("\(name)/\(child)", source)
            }
        }
    }
}
