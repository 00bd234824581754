import Support

#if canImport(Glibc)
import Glibc
#endif

/// The data directory: whose it is, how much room it has, and whether its file system keeps promises.
struct DirectoryChecks {
    let directory: DataDirectory

    private static let freeBytesMin: UInt64 = 256 << 20
    private static let freeBytesGood: UInt64 = 5 << 30

    func findings() -> [Finding] {
        let path = directory.path
        var status = stat()
        guard stat(path, &status) == 0 else {
            return [
                errno == ENOENT
                    ? .ok("data", "\(path) is not there yet: the first `millrace serve` makes it")
                    : .fail("data", "\(path): \(String(cString: strerror(errno)))", fix: "choose another with --data")
            ]
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            return [.fail("data", "\(path) is no directory", fix: "choose another with --data")]
        }
        return [owner(status), room()] + fileSystem() + [credentials()]
    }

    private func owner(_ status: stat) -> Finding {
        let path = directory.path
        if status.st_uid != geteuid() {
            let who = userName(status.st_uid)
            return geteuid() == 0
                ? .warn(
                    "data", "\(path) belongs to \(who); as root, a server would leave files that \(who) cannot open",
                    fix: "sudo -u \(who) millrace doctor --data \(path)")
                : .fail(
                    "data", "\(path) belongs to \(who), and you are \(userName(geteuid()))",
                    fix: "sudo -u \(who) millrace doctor --data \(path)")
        }
        if status.st_mode & 0o077 != 0 {
            return .warn(
                "data", "\(path) is open to other users (mode \(octal(status.st_mode))): they can read inputs and outputs",
                fix: "chmod 700 \(path)")
        }
        return .ok("data", "\(path), owner \(userName(status.st_uid)), mode \(octal(status.st_mode))")
    }

    private func room() -> Finding {
        var status = statvfs()
        guard statvfs(directory.path, &status) == 0 else {
            return .fail(
                "disk", "statvfs: \(String(cString: strerror(errno)))", fix: "is the file system mounted? df \(directory.path)")
        }
        let free = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        let bytes = free.overflow ? UInt64.max : free.partialValue
        let text = "\(bytes >> 20) MiB free, room for \(status.f_favail) files"
        if bytes < Self.freeBytesMin || (status.f_files > 0 && status.f_favail < 1000) {
            return .fail("disk", text, fix: "make room: du -xh --max-depth=2 \(directory.path)")
        }
        return bytes < Self.freeBytesGood
            ? .warn("disk", text, fix: "make room: du -xh --max-depth=2 \(directory.path)") : .ok("disk", text)
    }

    private func fileSystem() -> [Finding] {
        var found: [Finding] = []
        if let kind = fileSystemKind(), let why = Self.unsuitable[kind] {
            found.append(.warn("disk", "\(directory.path) is on \(kind): \(why)", fix: "keep the data on a local disk"))
        }
        if let failure = FileSystemProbe(directory: directory.path).run() {
            found.append(
                .fail("disk", "the file system refuses \(failure)", fix: "keep the data on ext4, XFS, Btrfs or ZFS"))
        } else {
            found.append(.ok("disk", "files are synchronised, linked, locked, mapped and replaced as they must be"))
        }
        return found
    }

    private static let unsuitable: [String: String] = {
        let shared = "locks and the database's shared memory are not to be relied on"
        return [
            "tmpfs": "it is gone after a restart of the machine", "overlay": "it is gone with the container", "nfs": shared,
            "nfs4": shared, "cifs": shared, "smb3": shared, "9p": shared,
        ]
    }()

    /// The type of the innermost mount that the directory is on.
    ///
    /// - Source: proc_pid_mountinfo(5): the fifth word is the mount point, the first behind ` - ` the type.
    private func fileSystemKind() -> String? {
        guard let resolved = realpath(directory.path, nil) else { return nil }
        defer { free(resolved) }
        let path = String(cString: resolved)
        var found: (point: Int, kind: String)?
        for line in (procText("/proc/self/mountinfo") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let dash = words.firstIndex(of: "-"), words.count > dash + 1, words.count > 4 else { continue }
            let point = words[4]
            guard point == "/" || path == point || path.hasPrefix(point + "/") else { continue }
            if point.utf8.count >= found?.point ?? 0 { found = (point.utf8.count, String(words[dash + 1])) }
        }
        return found?.kind
    }

    private func credentials() -> Finding {
        let path = directory.credentials
        var status = stat()
        guard stat(path, &status) == 0 else {
            return .ok("keys", "no \(path) yet: the first `millrace serve` makes the root key")
        }
        if status.st_mode & 0o077 != 0 {
            return .fail("keys", "\(path) has mode \(octal(status.st_mode)): others may read the root key", fix: "chmod 600 \(path)")
        }
        do {
            _ = try directory.readCredentials()
            return .ok("keys", "\(path), mode \(octal(status.st_mode))")
        } catch {
            return .fail("keys", "\(error)", fix: "restore it from a backup, or move it away: the next start makes a new key")
        }
    }
}

/// Does in a directory of its own what the server does to files.
private struct FileSystemProbe {
    let directory: String

    /// - Returns: the operation that failed and why; nil when all went well. Leaves nothing behind.
    func run() -> String? {
        let folder = directory + "/doctor-\(getpid())"
        func failure(_ what: String) -> String { "\(what): \(String(cString: strerror(errno)))" }
        guard mkdir(folder, 0o700) == 0 else { return failure("to make a directory") }
        let (one, two, three) = (folder + "/one", folder + "/two", folder + "/three")
        defer {
            for path in [one, two, three] { unlink(path) }
            rmdir(folder)
        }
        let file = open(one, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        guard file >= 0 else { return failure("to make a file") }
        defer { close(file) }
        let bytes = [UInt8](repeating: 7, count: 4096)
        guard write(file, bytes, bytes.count) == bytes.count else { return failure("to write") }
        guard fsync(file) == 0, fdatasync(file) == 0 else { return failure("fsync") }
        guard link(one, two) == 0 else { return failure("link") }
        guard link(one, two) != 0, errno == EEXIST else { return "link to say that a name is taken" }
        guard rename(two, three) == 0 else { return failure("rename") }
        let parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { return failure("to open a directory") }
        defer { close(parent) }
        guard fsync(parent) == 0 else { return failure("fsync of a directory") }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else { return failure("flock") }
        let other = open(one, O_RDWR | O_CLOEXEC)
        guard other >= 0 else { return failure("to open a file twice") }
        defer { close(other) }
        guard flock(other, LOCK_EX | LOCK_NB) != 0 else { return "flock to keep a second one out" }
        let memory = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let memory, memory != MAP_FAILED else { return failure("mmap") }
        munmap(memory, 4096)
        return nil
    }
}

func userName(_ id: uid_t) -> String {
    guard let entry = getpwuid(id), let name = entry.pointee.pw_name else { return "uid \(id)" }
    return String(cString: name)
}
