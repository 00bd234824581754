import Backup
import StateStore
import Support
import Synchronization
import Testing
import TestSupport

#if canImport(Glibc)
import Glibc
#endif

@Suite struct BackupTests {
    private func backup(_ sample: SampleDirectory) throws -> String {
        let file = sample.root.path + "/backup.tar"
        _ = try BackupMaker(of: sample.path, to: file, program: "0.1.0", at: SampleDirectory.moment).run()
        return file
    }

    private func restore(_ file: String, to directory: String, replacing: Bool = false) throws -> String? {
        _ = try BackupRestorer(from: file, to: directory).verify()
        return try BackupRestorer(from: file, to: directory).restore(replacing: replacing, at: SampleDirectory.moment)
    }

    @Test func everythingComesBackAndNothingElse() async throws {
        let sample = try await SampleDirectory()
        let file = try backup(sample)
        let target = sample.root.path + "/restored"
        #expect(try restore(file, to: target) == nil)
        #expect(tree(target) == Set(sample.contents.keys).union(["state.sqlite", "objects/index.sqlite"]))
        for (name, bytes) in sample.contents { #expect(try readBytes("\(target)/\(name)") == bytes, "\(name)") }
        var status = stat()
        #expect(stat(target + "/credentials", &status) == 0 && status.st_mode & 0o7777 == 0o600)
        #expect(stat(file, &status) == 0 && status.st_mode & 0o7777 == 0o600)
        let index = try SQLiteStateStore(path: target + "/objects/index.sqlite", migrations: StateStoreSchema.objects)
        #expect(try await index.object(ObjectKey("object-3"), version: nil, in: "lake")?.size == 90_001)
        #expect(try DatabaseReport(path: target + "/state.sqlite", migrations: StateStoreSchema.all).problems == [])
        #expect(tree(sample.root.path).filter { $0.hasPrefix("backup") } == ["backup.tar"])
    }

    @Test func otherProgramsReadIt() async throws {
        let sample = try await SampleDirectory()
        let file = try backup(sample)
        let out = sample.root.path + "/out"
        mkdir(out, 0o700)
        #expect(system("tar -xf \(file) -C \(out) && cd \(out) && sha256sum --quiet --strict -c SHA256SUMS") == 0)
        for (name, bytes) in sample.contents { #expect(try readBytes("\(out)/\(name)") == bytes, "\(name)") }
    }

    /// A backup of a directory to which somebody writes all the time is whole, and as of one moment.
    @Test func snapshotsAreOfOneMoment() async throws {
        var sample = try await SampleDirectory()
        let stop = Flag()
        let index = sample.index
        async let writer: Int = {
            var count = 0
            while !stop.isSet {
                // Two buckets in turn: a moment at which only the second of a pair is there never was.
                for suffix in ["a", "b"] {
                    _ = try await index.createBucket(
                        BucketRecord(
                            name: "n\(count)-\(suffix)", account: "123456789012", region: "us-east-1",
                            createdAt: SampleDirectory.moment))
                }
                count += 1
            }
            return count
        }()
        for round in 0..<5 {
            try await sample.addObject("late-\(round)", [UInt8](repeating: 1, count: 20_000))
            let file = try backup(sample)
            let target = sample.root.path + "/restored-\(round)"
            _ = try restore(file, to: target)
            let copy = try SQLiteStateStore(path: target + "/objects/index.sqlite", migrations: StateStoreSchema.objects)
            let names = Set(try await copy.buckets().map(\.name))
            for name in names where name.hasSuffix("-b") { #expect(names.contains(name.dropLast() + "a")) }
            #expect(try await copy.object(ObjectKey("late-\(round)"), version: nil, in: "lake") != nil)
        }
        stop.set()
        #expect(try await writer > 0)
    }

    @Test func everyAlteredByteIsFound() async throws {
        let sample = try await SampleDirectory()
        let file = try backup(sample)
        let bytes = try readBytes(file)
        var random = SeededRandom(seed: 7)
        // The first headers byte by byte, the end too, and places in between.
        let places = Array(0..<530) + Array(stride(from: bytes.count - 2600, to: bytes.count, by: 5))
            + (0..<100).map { _ in Int.random(in: 0..<bytes.count, using: &random) }
        let altered = sample.root.path + "/altered.tar"
        for place in places {
            var copy = bytes
            copy[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            try writeBytes(altered, copy)
            let error = #expect(throws: BackupError.self, "byte \(place)") {
                try BackupRestorer(from: altered, to: "/nowhere").verify()
            }
            #expect(error?.description.contains(altered) == true)
        }
    }

    @Test func theAlteredPartIsNamed() async throws {
        let sample = try await SampleDirectory()
        let file = try backup(sample)
        var bytes = try readBytes(file)
        let place = try #require(bytes.firstRange(of: Array("port: 9400".utf8))).lowerBound
        bytes[place] = UInt8(ascii: "P")
        try writeBytes(file, bytes)
        let error = #expect(throws: BackupError.self) { try restore(file, to: sample.root.path + "/restored") }
        #expect(error?.description.contains("millrace.yaml does not agree with its checksum") == true)
        #expect(access(sample.root.path + "/restored", F_OK) != 0)
    }

    @Test func everyLengthButTheRightOneIsRefused() async throws {
        let sample = try await SampleDirectory()
        let file = try backup(sample)
        let bytes = try readBytes(file)
        let cut = sample.root.path + "/cut.tar"
        for length in [0, 1, 511, 512, 513, 2000, bytes.count / 2, bytes.count - 1025, bytes.count - 1024, bytes.count - 1] {
            try writeBytes(cut, Array(bytes[..<length]))
            #expect(throws: BackupError.self, "\(length) of \(bytes.count)") {
                try BackupRestorer(from: cut, to: "/nowhere").verify()
            }
        }
        try writeBytes(cut, bytes + [0])
        #expect(throws: BackupError.self) { try BackupRestorer(from: cut, to: "/nowhere").verify() }
    }

    @Test func nothingIsWrittenOutsideTheDirectory() async throws {
        let sample = try await SampleDirectory()
        let file = try backup(sample)
        var bytes = try readBytes(file)
        rename(in: &bytes, "credentials", to: "../edentials")
        try writeBytes(file, bytes)
        let error = #expect(throws: BackupError.self) { try BackupRestorer(from: file, to: "/nowhere").verify() }
        #expect(error?.description.contains("which belongs in no data directory") == true)
    }

    /// Renames a member in header and checksums, as somebody who means it would.
    private func rename(in bytes: inout [UInt8], _ old: String, to new: String) {
        guard let header = bytes.firstRange(of: Array(old.utf8) + [0, 0]),
            let line = bytes.lastRange(of: Array("  \(old)\n".utf8))
        else { return }
        let name = Array(new.utf8.prefix(old.utf8.count))
        bytes.replaceSubrange(header.lowerBound..<header.lowerBound + name.count, with: name)
        bytes.replaceSubrange(line.lowerBound + 2..<line.lowerBound + 2 + name.count, with: name)
        let start = header.lowerBound
        for place in start + 148..<start + 156 { bytes[place] = 32 }
        let sum = bytes[start..<start + 512].reduce(0) { $0 + Int($1) }
        let digits = String(sum, radix: 8)
        let field = Array((String(repeating: "0", count: 6 - digits.utf8.count) + digits).utf8) + [0, 32]
        bytes.replaceSubrange(start + 148..<start + 156, with: field)
    }

    @Test func aDirectoryInTheWayIsKept() async throws {
        let sample = try await SampleDirectory()
        let file = try backup(sample)
        let target = sample.root.path + "/target"
        mkdir(target, 0o700)
        try writeBytes(target + "/precious", [1, 2, 3])
        let error = #expect(throws: BackupError.self) { try restore(file, to: target) }
        #expect(error?.description.contains("--force") == true)
        #expect(tree(target) == ["precious"])
        let aside = try #require(try restore(file, to: target, replacing: true))
        #expect(try readBytes(aside + "/precious") == [1, 2, 3])
        #expect(try readBytes(target + "/credentials") == sample.contents["credentials"])
        let empty = sample.root.path + "/empty"
        mkdir(empty, 0o700)
        #expect(try restore(file, to: empty) == nil)
        #expect(access(empty + "/state.sqlite", F_OK) == 0)
    }

    @Test func aServedDirectoryIsNotReplaced() async throws {
        let sample = try await SampleDirectory()
        let file = try backup(sample)
        let lock = open(sample.path + "/lock", O_CREAT | O_RDWR, 0o600)
        defer { close(lock) }
        #expect(flock(lock, LOCK_EX) == 0)
        let error = #expect(throws: BackupError.self) { try restore(file, to: sample.path, replacing: true) }
        #expect(error?.description == "a server uses \(sample.path): stop it first")
    }

    @Test func aMissingDataFileEndsTheBackup() async throws {
        let sample = try await SampleDirectory()
        let name = try #require(sample.contents.keys.first { $0.hasPrefix("objects/data") })
        unlink("\(sample.path)/\(name)")
        let error = #expect(throws: BackupError.self) { try backup(sample) }
        #expect(error?.description.contains(name) == true)
        #expect(tree(sample.root.path).filter { $0.hasPrefix("backup") }.isEmpty)
    }

    @Test func whatAKilledBackupLeftIsInNobodysWay() async throws {
        let sample = try await SampleDirectory()
        for ending in [".partial", ".partial-sums", ".partial-database"] {
            try writeBytes(sample.root.path + "/backup.tar" + ending, [UInt8](repeating: 5, count: 3_000_000))
        }
        let file = try backup(sample)
        #expect(try BackupRestorer(from: file, to: "/nowhere").verify().source == sample.path)
        #expect(tree(sample.root.path).filter { $0.hasPrefix("backup") } == ["backup.tar"])
    }

    @Test func damagedDatabasesAreReported() async throws {
        let sample = try await SampleDirectory()
        for round in 0..<200 {
            _ = try await sample.index.createBucket(
                BucketRecord(
                    name: "bucket-\(round)", account: "123456789012", region: "us-east-1", createdAt: SampleDirectory.moment))
        }
        try await sample.index.close()
        let path = sample.path + "/objects/index.sqlite"
        #expect(try DatabaseReport(path: path, migrations: StateStoreSchema.objects).problems == [])
        var bytes = try readBytes(path)
        for place in 4096..<bytes.count where place % 4096 < 100 { bytes[place] = 0xAA }
        try writeBytes(path, bytes)
        let report = try? DatabaseReport(path: path, migrations: StateStoreSchema.objects)
        // Damage so deep that nothing can be read is an error of its own.
        #expect(report.map { !$0.problems.isEmpty } ?? true)
        let error = #expect(throws: StateStoreError.self) {
            try DatabaseReport(path: sample.path + "/state.sqlite", migrations: StateStoreSchema.objects)
        }
        if case .newerFormat = error {} else { Issue.record("\(String(describing: error))") }
    }
}

private final class Flag: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}

extension [UInt8] {
    fileprivate func firstRange(of other: [UInt8]) -> Range<Int>? {
        indices.first { self[$0...].starts(with: other) }.map { $0..<$0 + other.count }
    }

    fileprivate func lastRange(of other: [UInt8]) -> Range<Int>? {
        indices.last { self[$0...].starts(with: other) }.map { $0..<$0 + other.count }
    }
}
