package import Columnar
package import ObjectStore
import Support
import SparkPlan

/// One file of a source.
package struct ObjectFile: Sendable {
    /// As `_metadata.file_path` shows it: a full URI.
    package var uri: String
    package var store: BlockingObjectStore
    package var metadata: ObjectMetadata

    /// What follows the last slash.
    package var name: String { String(metadata.key[(metadata.key.lastIndex(of: "/").map { metadata.key.index(after: $0) } ?? metadata.key.startIndex)...]) }
}

/// Finds the files that paths name: a file, a directory (all files below it), or a glob (`*`, `?`, `[a-z]`, `{a,b}`).
///
/// Names that begin with `_` or `.` are left out, as Spark does; `column=value` directories give partition values.
package enum ObjectFiles {
    /// Ascending by URI within each path.
    /// - Throws: `SparkError` `PATH_NOT_FOUND` for a path that names nothing.
    package static func list(_ paths: [String], stores: ObjectStores) throws -> [ObjectFile] {
        var files: [ObjectFile] = []
        for path in paths {
            let found = try list(path, stores: stores)
            guard !found.isEmpty else {
                throw SparkError(
                    condition: "PATH_NOT_FOUND", sqlState: "42K03", message: "Path does not exist: \(path).")
            }
            files += found
        }
        return files
    }

    private static func list(_ path: String, stores: ObjectStores) throws -> [ObjectFile] {
        let (store, key) = try stores.store(for: path)
        let blocking = BlockingObjectStore(store)
        let prefix = uriPrefix(path)
        func file(_ metadata: ObjectMetadata) -> ObjectFile {
            ObjectFile(uri: prefix + metadata.key, store: blocking, metadata: metadata)
        }
        do {
            if let first = key.firstIndex(where: { "*?[{".contains($0) }) {
                let pattern = Glob(key)
                let slash = key[..<first].lastIndex(of: "/")
                let fixed = slash.map { String(key[...$0]) } ?? ""
                return try blocking.listAll(prefix: fixed)
                    .filter { !$0.key.hasSuffix("/") && pattern.matches($0.key) && visible($0.key, below: fixed) }.map(file)
            }
            if !key.isEmpty, !key.hasSuffix("/") {
                do {
                    return [file(try blocking.head(key))]
                } catch let error as ObjectStoreError where error.code == .notFound || error.code == .invalidKey {
                    // A directory, then.
                }
            }
            let directory = key.isEmpty || key.hasSuffix("/") ? key : key + "/"
            return try blocking.listAll(prefix: directory)
                .filter { !$0.key.hasSuffix("/") && visible($0.key, below: directory) }.map(file)
        } catch let error as ObjectStoreError where error.code == .notFound {
            return []
        }
    }

    /// Spark chooses the codec by the name's ending; reading the compressed bytes as text would be wrong without a word.
    static func refuseCompressed(_ files: [ObjectFile], of format: String) throws {
        let endings = [".gz", ".bz2", ".zst", ".snappy", ".lz4", ".deflate", ".xz"]
        for file in files where endings.contains(where: { file.name.lowercased().hasSuffix($0) }) {
            throw SparkError.unsupported("reading compressed \(format) files such as \(file.uri)")
        }
    }

    /// The parts of a file of `size` bytes that tasks read: about `taskBytes` each.
    static func ranges(size: Int64, taskBytes: Int64, isCut: Bool) -> [Range<Int64>] {
        let count = isCut ? max(1, min(size / taskBytes, 100_000)) : 1
        return (0..<count).map { part in
            size / count * part..<(part + 1 == count ? size : size / count * (part + 1))
        }
    }

    /// What stands before the key in a full URI.
    static func uriPrefix(_ path: String) -> String {
        if let location = ObjectLocation(uri: path) { return "s3://\(location.bucket)/" }
        return "file:///"
    }

    private static func visible(_ key: String, below prefix: String) -> Bool {
        key.dropFirst(prefix.count).split(separator: "/").allSatisfy { part in
            !part.hasPrefix(".") && (!part.hasPrefix("_") || part.contains("="))
        }
    }
}

/// Hadoop's glob patterns over whole keys; `*` stops at a slash. A match of a directory takes all files below it.
struct Glob {
    private let alternatives: [[UInt8]]

    init(_ pattern: String) { alternatives = Self.expand(Array(pattern.utf8), limit: 256) }

    func matches(_ key: String) -> Bool {
        let bytes = Array(key.utf8)
        return alternatives.contains { pattern in
            Self.match(pattern[...], bytes[...])
                || bytes.indices.contains { bytes[$0] == 47 && Self.match(pattern[...], bytes[..<$0]) }
        }
    }

    /// Writes out `{a,b}`; groups beyond the limit stay as they are and match nothing.
    private static func expand(_ pattern: [UInt8], limit: Int) -> [[UInt8]] {
        guard let open = pattern.firstIndex(of: 123), let close = pattern[open...].firstIndex(of: 125) else { return [pattern] }
        var result: [[UInt8]] = []
        for choice in pattern[(open + 1)..<close].split(separator: 44, omittingEmptySubsequences: false) {
            for rest in expand(Array(pattern[(close + 1)...]), limit: limit) where result.count < limit {
                result.append(Array(pattern[..<open]) + Array(choice) + rest)
            }
        }
        return result
    }

    /// Linear but for one point to come back to: the last star.
    private static func match(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        var p = pattern.startIndex
        var t = text.startIndex
        var star: (Int, Int)?
        while t < text.endIndex {
            if p < pattern.endIndex, pattern[p] == 42 {
                star = (p, t)
                p += 1
                continue
            }
            if p < pattern.endIndex, let next = one(pattern, p, text[t]) {
                p = next
                t += 1
                continue
            }
            guard let (sp, st) = star, text[st] != 47 else { return false }
            star = (sp, st + 1)
            p = sp + 1
            t = st + 1
        }
        while p < pattern.endIndex, pattern[p] == 42 { p += 1 }
        return p == pattern.endIndex
    }

    /// The position after a pattern element that matches `byte`.
    private static func one(_ pattern: ArraySlice<UInt8>, _ position: Int, _ byte: UInt8) -> Int? {
        switch pattern[position] {
        case 63: return byte == 47 ? nil : position + 1
        case 91:
            guard let close = pattern[(position + 1)...].firstIndex(of: 93) else { return nil }
            var set = pattern[(position + 1)..<close]
            let negated = set.first == 94 || set.first == 33
            if negated { set = set.dropFirst() }
            var found = false
            var index = set.startIndex
            while index < set.endIndex {
                if index + 2 < set.endIndex, set[index + 1] == 45 {
                    if set[index] <= byte, byte <= set[index + 2] { found = true }
                    index += 3
                } else {
                    if set[index] == byte { found = true }
                    index += 1
                }
            }
            return found != negated ? close + 1 : nil
        case 92 where position + 1 < pattern.endIndex: return pattern[position + 1] == byte ? position + 2 : nil
        case let literal: return literal == byte ? position + 1 : nil
        }
    }
}

/// The hidden columns that every file source has.
package enum FileMetadataColumns {
    package static let fields: [StructField] = [
        StructField("_metadata.file_path", .string, nullable: false),
        StructField("_metadata.file_name", .string, nullable: false),
        StructField("_metadata.file_size", .long, nullable: false),
        StructField("_metadata.file_modification_time", .timestamp, nullable: false),
    ]

    /// With the row's number in its file, from 0, for formats that know it.
    package static var withRowIndex: [StructField] {
        fields + [StructField("_metadata.row_index", .long, nullable: false)]
    }

    package static func values(_ file: ObjectFile) -> [Scalar] {
        [
            .string(file.uri), .string(file.name), .int64(file.metadata.size),
            .timestamp(file.metadata.lastModified.millisecondsSince1970 &* 1000),
        ]
    }
}
