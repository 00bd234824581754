import StateStore
import Support
import TestSupport

#if canImport(Glibc)
import Glibc
#endif

/// A data directory with a little of everything, and what a restored one must hold.
struct SampleDirectory {
    let root: TemporaryDirectory
    var path: String { root.path + "/data" }
    let index: SQLiteStateStore
    let state: SQLiteStateStore
    /// Contents by path, of all that must come back byte for byte.
    private(set) var contents: [String: [UInt8]] = [:]

    init() async throws {
        root = try TemporaryDirectory()
        for folder in ["", "/work", "/payloads", "/payloads/ab", "/objects", "/objects/data"] {
            mkdir(root.path + "/data" + folder, 0o700)
        }
        state = try SQLiteStateStore(path: root.path + "/data/state.sqlite")
        index = try SQLiteStateStore(path: root.path + "/data/objects/index.sqlite", migrations: StateStoreSchema.objects)
        _ = try await index.createBucket(
            BucketRecord(name: "lake", account: "123456789012", region: "us-east-1", createdAt: Self.moment))
        for number in 0..<5 {
            try await addObject("object-\(number)", [UInt8](repeating: UInt8(number), count: 1 + number * 30_000))
        }
        try write("credentials", Array(#"{"accessKeyId": "AKIA", "secretAccessKey": "s"}"#.utf8))
        try write("millrace.yaml", Array("port: 9400\n".utf8))
        try write("payloads/ab/abcdef", [UInt8](repeating: 9, count: 4096))
        try addAttempt("job-1", ended: true)
        try addAttempt("job-2", ended: false)
        try write("endpoints.json", Array("{}".utf8), comesBack: false)
        try write("work/report.sock", [], comesBack: false)
    }

    static let moment = Timestamp(millisecondsSince1970: 1_795_260_761_123)

    mutating func addObject(_ key: String, _ bytes: [UInt8]) async throws {
        let id = DataFileID.random()
        mkdir("\(path)/objects/data/\(id.text.prefix(2))", 0o700)
        try write("objects/data/\(id.text.prefix(2))/\(id.text)", bytes)
        _ = try await index.putObject(
            ObjectRecord(
                bucket: "lake", key: ObjectKey(key), size: Int64(bytes.count), etag: "0", modifiedAt: Self.moment,
                attributes: ObjectAttributes(),
                content: .segments([DataSegment(file: id, length: Int64(bytes.count))])),
            condition: .none)
    }

    private mutating func addAttempt(_ job: String, ended: Bool) throws {
        let folder = "work/\(job)", attempt = folder + "/1", scratch = attempt + "/work"
        for made in [folder, attempt, scratch] { mkdir("\(path)/\(made)", 0o700) }
        try write("\(attempt)/spec", [1], comesBack: false)
        try write("\(scratch)/scratch", [1], comesBack: false)
        try write("\(attempt)/output.log", Array("a line\n".utf8), comesBack: ended)
        if ended { try write("\(attempt)/exit.json", Array("{}".utf8)) }
    }

    private mutating func write(_ name: String, _ bytes: [UInt8], comesBack: Bool = true) throws {
        try writeBytes("\(path)/\(name)", bytes)
        if comesBack { contents[name] = bytes }
    }
}

func writeBytes(_ path: String, _ bytes: [UInt8]) throws {
    guard let file = fopen(path, "we") else { throw TestSupportError(message: "fopen \(path)") }
    defer { fclose(file) }
    guard bytes.isEmpty || fwrite(bytes, 1, bytes.count, file) == bytes.count else {
        throw TestSupportError(message: "fwrite \(path)")
    }
}

func readBytes(_ path: String) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: try fileSize(path))
    guard let file = fopen(path, "re") else { throw TestSupportError(message: "fopen \(path)") }
    defer { fclose(file) }
    guard fread(&bytes, 1, bytes.count, file) == bytes.count else { throw TestSupportError(message: "fread \(path)") }
    return bytes
}

/// Paths of files below `path`, relative to it.
func tree(_ path: String, _ prefix: String = "") -> Set<String> {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var found: Set<String> = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name == "." || name == ".." { continue }
        var status = stat()
        guard lstat(path + "/" + name, &status) == 0 else { continue }
        if status.st_mode & S_IFMT == S_IFDIR {
            found.formUnion(tree(path + "/" + name, prefix + name + "/"))
        } else {
            found.insert(prefix + name)
        }
    }
    return found
}
