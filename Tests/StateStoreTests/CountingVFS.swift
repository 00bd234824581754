import Glibc
import CSQLite
import Synchronization

/// An SQLite VFS that passes everything to the default one, counts synchronisations and fails calls on demand.
///
/// Counters are by file name, so that tests which run at the same time do not see each other.
enum CountingVFS {
    static let name = "counting"

    enum Fault: Sendable { case sync, diskFull, readOnly }

    private struct Book {
        var syncs: [String: Int] = [:]
        var faults: [String: Fault] = [:]
        var names: [UInt: String] = [:]
        /// The default VFS's methods for each file, and our copy of each such table: addresses.
        var originals: [UInt: UInt] = [:]
        var replacements: [UInt: UInt] = [:]
    }
    private static let book = Mutex(Book())

    /// Synchronisations of the file, and of its log with the suffix `-wal`.
    static func syncs(of path: String) -> Int { book.withLock { $0.syncs[path] ?? 0 } }

    static func setFault(_ fault: Fault?, on path: String) { book.withLock { $0.faults[path] = fault } }

    /// Registers the VFS once; true when it is there.
    static let registered: Bool = {
        guard let base = sqlite3_vfs_find(nil) else { return false }
        let vfs = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        vfs.initialize(to: base.pointee)
        vfs.pointee.zName = UnsafePointer(strdup(name))
        vfs.pointee.pNext = nil
        vfs.pointee.xOpen = { _, path, file, flags, outFlags in
            guard let base = sqlite3_vfs_find(nil), let file else { return SQLITE_CANTOPEN }
            let status = base.pointee.xOpen(base, path, file, flags, outFlags)
            guard status == SQLITE_OK, let methods = file.pointee.pMethods else { return status }
            CountingVFS.adopt(file, methods, path.map { String(cString: $0) } ?? "")
            return status
        }
        return sqlite3_vfs_register(vfs, 0) == SQLITE_OK
    }()

    private static func adopt(
        _ file: UnsafeMutablePointer<sqlite3_file>, _ methods: UnsafePointer<sqlite3_io_methods>, _ path: String
    ) {
        book.withLock { book in
            let key = UInt(bitPattern: methods)
            book.names[UInt(bitPattern: file)] = path
            book.originals[UInt(bitPattern: file)] = key
            if book.replacements[key] == nil {
                let copy = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
                copy.initialize(to: methods.pointee)
                copy.pointee.xSync = { CountingVFS.sync($0, $1) }
                copy.pointee.xFileControl = { CountingVFS.control($0, $1, $2) }
                copy.pointee.xWrite = { CountingVFS.write($0, $1, $2, $3) }
                book.replacements[key] = UInt(bitPattern: copy)
            }
            file.pointee.pMethods = UnsafePointer(bitPattern: book.replacements[key] ?? key)
        }
    }

    private static func original(
        _ file: UnsafeMutablePointer<sqlite3_file>?
    ) -> UnsafePointer<sqlite3_io_methods>? {
        UnsafePointer(bitPattern: book.withLock { $0.originals[UInt(bitPattern: file)] ?? 0 })
    }

    private static func sync(_ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32) -> Int32 {
        let fault = book.withLock { book -> Fault? in
            let name = book.names[UInt(bitPattern: file)] ?? ""
            book.syncs[name, default: 0] += 1
            return book.faults[name]
        }
        return fault == .sync ? SQLITE_IOERR_FSYNC : original(file)?.pointee.xSync(file, flags) ?? SQLITE_IOERR
    }

    private static func write(
        _ file: UnsafeMutablePointer<sqlite3_file>?, _ bytes: UnsafeRawPointer?, _ count: Int32, _ offset: Int64
    ) -> Int32 {
        let fault = book.withLock { $0.faults[$0.names[UInt(bitPattern: file)] ?? ""] }
        switch fault {
        case .diskFull: return SQLITE_FULL
        case .readOnly: return SQLITE_IOERR_WRITE
        default: break
        }
        return original(file)?.pointee.xWrite(file, bytes, count, offset) ?? SQLITE_IOERR
    }

    private static func control(
        _ file: UnsafeMutablePointer<sqlite3_file>?, _ operation: Int32, _ argument: UnsafeMutableRawPointer?
    ) -> Int32 {
        let fault = book.withLock { $0.faults[$0.names[UInt(bitPattern: file)] ?? ""] }
        if fault == .readOnly, operation == SQLITE_FCNTL_LAST_ERRNO {
            argument?.storeBytes(of: EROFS, as: Int32.self)
            return SQLITE_OK
        }
        return original(file)?.pointee.xFileControl(file, operation, argument) ?? SQLITE_NOTFOUND
    }
}

let SQLITE_IOERR_WRITE = SQLITE_IOERR | (3 << 8)
let SQLITE_IOERR_FSYNC = SQLITE_IOERR | (4 << 8)
