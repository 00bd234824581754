import StateStore
package import Support

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Makes a data directory of an archive: all of it or nothing.
///
/// 1. The whole archive is read and held to its checksums; nothing is written before that.
/// 2. It is unpacked beside the directory, as `DIRECTORY.restoring`, and made durable.
/// 3. A directory that is in the way gets the name `DIRECTORY.before-restore-<time>`.
/// 4. The new one gets its name.
package struct BackupRestorer {
    private let reader: ArchiveReader
    private let directory: String
    private let progress: (BackupProgress) -> Void

    /// - Parameter directory: an absolute path without a slash at its end.
    /// - Throws: `BackupError` for an archive that cannot be opened.
    package init(
        from file: String, to directory: String, progress: @escaping (BackupProgress) -> Void = { _ in }
    ) throws(BackupError) {
        reader = try ArchiveReader(file)
        self.directory = directory
        self.progress = progress
    }

    /// Reads the whole archive.
    ///
    /// - Throws: `BackupError` for an archive that is cut off, altered, not a backup, or made by a later release.
    package func verify() throws -> BackupDescription {
        var description: BackupDescription?
        var content: [UInt8] = []
        var holdsState = false
        var done = BackupProgress(bytes: 0, files: 0, filesTotal: nil)
        try reader.read(
            { member in
                if description == nil {
                    guard member.name == BackupLayout.description, member.size < 1 << 20 else {
                        throw BackupError("\(reader.file.path) is no backup of Millrace")
                    }
                } else if !BackupLayout.permits(member.name) {
                    throw BackupError("\(reader.file.path) holds \(member.name), which belongs in no data directory")
                }
                if member.name == BackupLayout.state { holdsState = true }
                done.files += 1
            },
            piece: { bytes in
                if description == nil { content += bytes }
                done.bytes += Int64(bytes.count)
                progress(done)
            },
            end: {
                if description == nil {
                    description = try BackupDescription(
                        content, archive: reader.file.path, supportedStateFormat: StateStoreSchema.formatVersion)
                }
            })
        guard let description, holdsState else { throw BackupError("\(reader.file.path) is no backup of Millrace") }
        return description
    }

    /// Unpacks an archive that `verify` has found whole.
    ///
    /// - Parameter replacing: whether a directory that holds something may be put aside.
    /// - Returns: where the directory is that was in the way; nil when none was.
    /// - Throws: `BackupError`.
    package func restore(replacing: Bool, at now: Timestamp) throws -> String? {
        try checkTarget(replacing)
        let staging = directory + ".restoring"
        try removeTree(staging)
        do {
            try unpack(into: staging)
            return try putInPlace(staging, now)
        } catch {
            // The failure that is being thrown says more than one to clean up.
            try? removeTree(staging)
            throw error
        }
    }

    private func checkTarget(_ replacing: Bool) throws(BackupError) {
        var status = stat()
        guard lstat(directory, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw BackupError("\(directory) is no directory: give the path that the server uses, not a link to it")
        }
        var above = stat()
        if stat(parent(of: directory), &above) == 0, above.st_dev != status.st_dev {
            throw BackupError(
                "\(directory) is a mount point, which cannot be replaced in one step: restore to \(directory)/data and "
                    + "start the server with that")
        }
        if let lock = try BackupFile.ifPresent(directory + "/lock"), flock(lock.descriptor, LOCK_SH | LOCK_NB) != 0 {
            throw BackupError("a server uses \(directory): stop it first")
        }
        if !replacing, let name = try names(in: directory).first {
            throw BackupError(
                "\(directory) is not empty, it holds \(name): restore to another directory, or replace this one with --force "
                    + "(it is kept under another name)")
        }
    }

    private func unpack(into staging: String) throws {
        guard mkdir(staging, 0o700) == 0 else { throw systemError("mkdir", staging) }
        var made: Set<String> = []
        var output: BackupFile?
        var done = BackupProgress(bytes: 0, files: 0, filesTotal: nil)
        try reader.read(
            { member in
                done.files += 1
                // Only the archive needs to know what it is.
                guard member.name != BackupLayout.description else { return output = nil }
                guard BackupLayout.permits(member.name) else { throw BackupError("\(member.name) belongs in no data directory") }
                var folder = staging
                for part in member.name.split(separator: "/").dropLast() {
                    folder += "/" + part
                    guard made.count > 100_000 || made.insert(folder).inserted else { continue }
                    guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw systemError("mkdir", folder) }
                }
                output = try BackupFile("\(staging)/\(member.name)", O_WRONLY | O_CREAT | O_EXCL)
            },
            piece: { bytes in
                try output?.append(bytes)
                done.bytes += Int64(bytes.count)
                progress(done)
            })
        output = nil
        try giveToOwner(staging)
        // At once what would take long one by one; then each file, which is quick now and tells of failures.
        sync()
        try synchroniseTree(staging)
    }

    /// When root restores, the files belong to whom the directory belongs that they replace, else to whom the one above
    /// does.
    private func giveToOwner(_ staging: String) throws(BackupError) {
        guard geteuid() == 0 else { return }
        var status = stat()
        guard stat(directory, &status) == 0 || stat(parent(of: directory), &status) == 0, status.st_uid != 0 else { return }
        try changeOwner(staging, status.st_uid, status.st_gid)
    }

    private func changeOwner(_ path: String, _ user: uid_t, _ group: gid_t) throws(BackupError) {
        guard lchown(path, user, group) == 0 else { throw systemError("chown", path) }
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return }
        for name in try names(in: path) { try changeOwner(path + "/" + name, user, group) }
    }

    private func putInPlace(_ staging: String, _ now: Timestamp) throws(BackupError) -> String? {
        // Replaces an empty directory, too.
        if rename(staging, directory) == 0 {
            try synchronise(directory: parent(of: directory))
            return nil
        }
        guard errno == ENOTEMPTY || errno == EEXIST else { throw systemError("rename to", directory) }
        let aside = "\(directory).before-restore-\(now.millisecondsSince1970 / 1000)"
        guard rename(directory, aside) == 0 else { throw systemError("rename to", aside) }
        guard rename(staging, directory) == 0 else {
            let failure = systemError("rename to", directory)
            rename(aside, directory)
            throw failure
        }
        try synchronise(directory: parent(of: directory))
        return aside
    }
}
