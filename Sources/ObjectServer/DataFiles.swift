import CFiles
import StateStore
import Support

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// The files that hold objects' bytes. Their names are random: a key never becomes a path.
///
///     staging/<id>      being written, or published without the index knowing yet
///     data/<2>/<id>     published; <2> are the first two digits of the id
///
/// 1. Bytes are written to `staging/<id>`, after them a `DataTrailer`, and synchronised.
/// 2. The file is linked as `data/<2>/<id>`, and that directory is synchronised.
/// 3. The index commits.
/// 4. `staging/<id>` is unlinked.
///
/// So whatever a crash leaves behind is named in `staging`: what the index does not know is removed, and cleaning costs
/// as much as was in flight.
final class DataFiles: Sendable {
    private let root: String

    /// Makes the directories that are missing.
    init(root: String) throws {
        self.root = root
        try Self.makeDirectory(root)
        try Self.makeDirectory("\(root)/staging")
        try Self.makeDirectory("\(root)/data")
        for first in 0..<256 {
            let digits = String(first, radix: 16)
            try Self.makeDirectory("\(root)/data/\(digits.utf8.count == 1 ? "0" : "")\(digits)")
        }
        try Self.synchronise(directory: "\(root)/data")
        try Self.synchronise(directory: root)
    }

    /// A store that is there already; makes nothing.
    init(existing root: String) throws {
        self.root = root
        guard access("\(root)/data", R_OK | X_OK) == 0 else { throw FileError(operation: "open \(root)/data", errno) }
    }

    func create(_ id: DataFileID) throws(FileError) -> DataFile {
        try DataFile(path: stagingPath(id), flags: O_WRONLY | O_CREAT | O_EXCL)
    }

    func open(_ id: DataFileID) throws(FileError) -> DataFile {
        try DataFile(path: dataPath(id), flags: O_RDONLY)
    }

    /// Step 2.
    func publish(_ ids: [DataFileID]) throws(FileError) {
        for id in ids { try check(link(stagingPath(id), dataPath(id)), "link") }
        for directory in Set(ids.map(directory)) { try Self.synchronise(directory: directory) }
    }

    /// Gives the bytes of published files second names, in staging and published: costs no copy.
    /// - Returns: the names, in order; nil when a file has as many as the file system allows.
    func duplicate(_ sources: [DataFileID]) throws(FileError) -> [DataFileID]? {
        let copies = sources.map { _ in DataFileID.random() }
        do {
            for (source, copy) in zip(sources, copies) {
                try check(link(dataPath(source), stagingPath(copy)), "link")
            }
            try publish(copies)
        } catch {
            for copy in copies { remove(copy) }
            if error.number == EMLINK { return nil }
            throw error
        }
        return copies
    }

    /// Step 4. A file that stays behind is found at the next start.
    func unstage(_ id: DataFileID) { unlink(stagingPath(id)) }

    /// Removes every name of the file.
    func remove(_ id: DataFileID) {
        unlink(dataPath(id))
        unlink(stagingPath(id))
    }

    /// Runs `body`, which removes files, unless somebody who copies them has asked that they stay.
    ///
    /// Whoever copies holds a shared lock on `backup.lock`; it goes with the process, however that ends.
    /// - Returns: whether it ran.
    func unlessKept(_ body: () -> Void) throws(FileError) -> Bool {
        let lock = try DataFile(path: "\(root)/backup.lock", flags: O_RDWR | O_CREAT)
        guard try lock.lockExclusively() else { return false }
        body()
        return true
    }

    func staged() throws(FileError) -> [DataFileID] { try files(in: "\(root)/staging") }

    /// All of them, in no order.
    func published() throws(FileError) -> [DataFileID] {
        var found: [DataFileID] = []
        for first in 0..<256 { found += try files(in: "\(root)/data/\(hexText(UInt64(first), digits: 2))") }
        return found
    }

    /// The size of a published file that nothing refers to; nil when it is being published, or gone.
    func strayBytes(_ id: DataFileID) -> Int64? {
        var status = stat()
        guard access(stagingPath(id), F_OK) != 0, stat(dataPath(id), &status) == 0 else { return nil }
        return Int64(status.st_size)
    }

    /// Hands over the bytes of a segment in order.
    /// - Parameter chunkBytes: at once; a multiple of `DataFooter.blockBytesMax`.
    /// - Throws: `FileError`, `DataDamage`.
    func read(_ segment: DataSegment, chunkBytes: Int64, _ body: (UnsafeRawBufferPointer) -> Void) throws {
        let reader = try BlockReader(segment, in: self)
        var buffer = [UInt8](repeating: 0, count: Int(min(chunkBytes, segment.length)))
        for offset in stride(from: 0, to: segment.length, by: Int64.Stride(chunkBytes)) {
            try buffer.withUnsafeMutableBytes { bytes in
                let chunk = UnsafeMutableRawBufferPointer(rebasing: bytes.prefix(Int(min(chunkBytes, segment.length - offset))))
                try reader.read(into: chunk, at: offset)
                body(UnsafeRawBufferPointer(chunk))
            }
        }
    }

    /// For messages: within the store.
    func path(_ id: DataFileID) -> String { "data/\(id.text.prefix(2))/\(id.text)" }

    private func files(in path: String) throws(FileError) -> [DataFileID] {
        guard let directory = opendir(path) else { throw FileError(operation: "opendir \(path)", errno) }
        defer { closedir(directory) }
        var found: [DataFileID] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.utf8.count == 32 { found.append(DataFileID(name)) }
        }
        return found
    }

    private func stagingPath(_ id: DataFileID) -> String { "\(root)/staging/\(id.text)" }
    private func dataPath(_ id: DataFileID) -> String { "\(directory(id))/\(id.text)" }
    private func directory(_ id: DataFileID) -> String { "\(root)/data/\(id.text.prefix(2))" }

    private static func makeDirectory(_ path: String) throws(FileError) {
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw FileError(operation: "mkdir \(path)", errno) }
    }

    private static func synchronise(directory: String) throws(FileError) {
        let file = try DataFile(path: directory, flags: O_RDONLY | O_DIRECTORY)
        try file.synchronise()
    }
}

/// An open file; closed with its last reference.
final class DataFile: Sendable {
    private let descriptor: Int32

    init(path: String, flags: Int32) throws(FileError) {
        descriptor = open(path, flags | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw FileError(operation: "open \(path)", errno) }
    }

    deinit { close(descriptor) }

    func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var rest = bytes
        while !rest.isEmpty {
            let written = write(descriptor, rest.baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw FileError(operation: "write", errno)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Fills `bytes` from `offset`; throws when the file ends before.
    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) {
        var done = 0
        while done < bytes.count {
            let count = pread(
                descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset) + off_t(done))
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError(operation: "read", errno)
            }
            if count == 0 { throw FileError(operation: "read past the end", EIO) }
            done += count
        }
    }

    /// Fills `bytes` from `offset` if the kernel has them in memory; false when the disk would have to be waited for.
    func readCached(into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) -> Bool {
        millrace_read_cached(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) == bytes.count
    }

    /// Begins to write what has been appended there to the disk, so that `synchronise` has less to wait for.
    func beginWriting(from offset: Int64, count: Int64) {
        millrace_begin_writing(descriptor, off_t(offset), off_t(count))
    }

    /// Bytes.
    func size() throws(FileError) -> Int64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError(operation: "fstat", errno) }
        return Int64(status.st_size)
    }

    /// Until the file is closed. False when somebody else has a lock.
    func lockExclusively() throws(FileError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK || errno == EINTR else { throw FileError(operation: "flock", errno) }
        return false
    }

    func synchronise() throws(FileError) {
        while fsync(descriptor) != 0 {
            if errno != EINTR { throw FileError(operation: FileError.synchronising, errno) }
        }
    }
}

private func check(_ status: Int32, _ operation: String) throws(FileError) {
    if status != 0 { throw FileError(operation: operation, errno) }
}

/// A failed system call.
struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    static let synchronising = "fsync"
    let operation: String
    let number: Int32

    init(operation: String, _ number: Int32) {
        self.operation = operation
        self.number = number
    }

    var isFull: Bool { number == ENOSPC || number == EDQUOT }
    var isReadOnly: Bool { number == EROFS }
    /// After such a failure nobody knows what the medium holds.
    var isLostSynchronisation: Bool { operation == Self.synchronising && !isFull }
    var description: String { "\(operation): \(String(cString: strerror(number)))" }
}
