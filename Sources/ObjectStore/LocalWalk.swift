#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// A listing under way: the directories being read, outermost first.
///
/// The order of keys is that of their bytes. Within a directory that is the order of the names with a slash behind
/// those of directories, since `/` sorts after some characters a name may have (`a.b` before `a/b` before `a0`).
/// A directory's names are held in memory while it is walked; files are examined one by one.
struct LocalWalk: Sendable {
    private struct Entry: Sendable {
        /// With a slash behind it if it is a directory.
        var name: [UInt8]
        var isDirectory: Bool
    }

    private struct Level: Sendable {
        /// The key prefix of the directory: empty or ending in a slash.
        var prefix: [UInt8]
        var entries: [Entry]
        var next = 0
    }

    private let root: String
    private let prefix: [UInt8]
    private let startAfter: [UInt8]?
    private let delimiter: [UInt8]
    private var levels: [Level] = []
    private var begun = false
    private var lastGroup: [UInt8]?

    static let pageSize = 1000

    init(root: String, prefix: String, startAfter: String?, delimiter: String?) {
        self.root = root
        self.prefix = Array(prefix.utf8)
        self.startAfter = startAfter.map { Array($0.utf8) }
        self.delimiter = Array((delimiter ?? "").utf8)
    }

    /// Nil at the end.
    mutating func nextPage() throws -> ObjectPage? {
        if !begun {
            begun = true
            let base = prefix.lastIndex(of: UInt8(ascii: "/")).map { Array(prefix[...$0]) } ?? []
            // No key begins with a prefix that has such segments: the listing is empty.
            guard base.isEmpty || isLocalKey(base.dropLast()) else { return nil }
            try descend(base)
        }
        var page = ObjectPage()
        while page.objects.count + page.prefixes.count < Self.pageSize, let level = levels.last {
            guard level.next < level.entries.count else {
                levels.removeLast()
                continue
            }
            levels[levels.count - 1].next += 1
            let entry = level.entries[level.next]
            try visit(level.prefix + entry.name, entry, &page)
        }
        return page.objects.isEmpty && page.prefixes.isEmpty ? nil : page
    }

    private mutating func visit(_ key: [UInt8], _ entry: Entry, _ page: inout ObjectPage) throws {
        if entry.isDirectory {
            // All keys in it begin with `key`.
            guard key.starts(with: prefix) || prefix.starts(with: key) else { return }
            if let startAfter, key.lexicographicallyPrecedes(startAfter), !startAfter.starts(with: key) { return }
            if delimiter == [UInt8(ascii: "/")], key.count > prefix.count {
                if try containsFile(key) { page.prefixes.append(String(decoding: key, as: UTF8.self)) }
            } else {
                try descend(key)
            }
            return
        }
        guard key.starts(with: prefix) else { return }
        if let startAfter, !startAfter.lexicographicallyPrecedes(key) { return }
        if let group = commonPrefix(of: key, prefix: prefix, delimiter: delimiter) {
            if group != lastGroup { page.prefixes.append(String(decoding: group, as: UTF8.self)) }
            lastGroup = group
            return
        }
        var status = stat()
        let text = String(decoding: key, as: UTF8.self)
        // A file that was deleted meanwhile, or a link to nowhere, is not listed.
        guard stat("\(root)/\(text)", &status) == 0, let metadata = ObjectMetadata(of: status, key: text) else { return }
        page.objects.append(metadata)
    }

    private mutating func descend(_ prefix: [UInt8]) throws {
        guard let entries = try entries(of: prefix) else { return }
        levels.append(Level(prefix: prefix, entries: entries))
    }

    /// Whether there is an object anywhere below. Directories that deletions have emptied count as absent.
    private func containsFile(_ prefix: [UInt8]) throws -> Bool {
        var waiting = [prefix]
        while let next = waiting.popLast() {
            for entry in try entries(of: next) ?? [] {
                if !entry.isDirectory { return true }
                waiting.append(next + entry.name)
            }
        }
        return false
    }

    /// In order of the keys; nil when there is no such directory.
    private func entries(of prefix: [UInt8]) throws -> [Entry]? {
        let text = String(decoding: prefix, as: UTF8.self)
        let path = "\(root)/\(text)"
        guard let directory = opendir(path) else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure(errno, text)
        }
        defer { closedir(directory) }
        var found: [Entry] = []
        while true {
            errno = 0
            guard let next = readdir(directory) else { break }
            let name = withUnsafeBytes(of: &next.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == [46] || name == [46, 46] || isTemporaryName(name) { continue }
            guard String(validating: name, as: UTF8.self) != nil else { continue }  // No key can name it.
            switch Int(next.pointee.d_type) {
            case Int(DT_DIR): found.append(Entry(name: name + [UInt8(ascii: "/")], isDirectory: true))
            case Int(DT_REG): found.append(Entry(name: name, isDirectory: false))
            case Int(DT_LNK): if kind(path, name, follow: true) == S_IFREG { found.append(Entry(name: name, isDirectory: false)) }
            case Int(DT_UNKNOWN):
                switch kind(path, name, follow: false) {
                case S_IFDIR: found.append(Entry(name: name + [UInt8(ascii: "/")], isDirectory: true))
                case S_IFREG: found.append(Entry(name: name, isDirectory: false))
                default: break
                }
            default: break
            }
        }
        guard errno == 0 else { throw failure(errno, text) }
        found.sort { $0.name.lexicographicallyPrecedes($1.name) }
        return found
    }

    /// The file type bits; nil when it cannot be examined.
    private func kind(_ directory: String, _ name: [UInt8], follow: Bool) -> mode_t? {
        var status = stat()
        let path = "\(directory)/\(String(decoding: name, as: UTF8.self))"
        guard (follow ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        return status.st_mode & S_IFMT
    }
}
