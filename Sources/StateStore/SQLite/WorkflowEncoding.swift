import Crypto
import JSONModel
import Support

/// Texts that were too long for their rows, by hash; see `StateStoreMigration.workflow`.
struct PayloadWriter {
    /// Texts up to this many bytes stay in the row.
    static let inlineBytesMax = 1024

    private(set) var payloads: [String: String] = [:]

    /// The column's value for `text`.
    mutating func column(_ text: String) -> String {
        text.utf8.count <= Self.inlineBytesMax ? "=" + text : "#" + store(text)
    }

    mutating func column(_ text: String?) -> String? { text.map { column($0) } }

    private mutating func store(_ text: String) -> String {
        let hash = payloadHash(text)
        payloads[hash] = text
        return hash
    }

    /// Events as JSON: an array of `[id, previous, milliseconds, type, details?]`, in which a long text among the
    /// details is `{"#": hash}`.
    mutating func events(_ events: [HistoryRecord]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256 * events.count)
        for event in events {
            bytes.append(UInt8(ascii: bytes.isEmpty ? "[" : ","))
            let numbers = "[\(event.id),\(event.previousEventID),\(event.timestamp.millisecondsSince1970),"
            bytes.append(contentsOf: numbers.utf8)
            writeJSONString(event.type, to: &bytes)
            if let details = event.details {
                bytes.append(UInt8(ascii: ","))
                JSONValue.object(stored(details)).write(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }

    private mutating func stored(_ details: JSONObject) -> JSONObject {
        func isLong(_ value: JSONValue) -> Bool { (value.string?.utf8.count ?? 0) > Self.inlineBytesMax }
        guard details.contains(where: { isLong($0.value) }) else { return details }
        var stored = JSONObject()
        for (key, value) in details {
            if let text = value.string, isLong(value) {
                stored.append(key, ["#": .string(store(text))])
            } else {
                stored.append(key, value)
            }
        }
        return stored
    }

    func write(_ db: SQLiteConnection, execution: Int64) throws {
        for (hash, text) in payloads {
            try db.statement(
                "INSERT OR IGNORE INTO workflow_payloads (execution, hash, text) VALUES (?, ?, ?)"
            )
                .run([execution, hash, text])
        }
    }
}

extension SQLiteConnection {
    /// The number under which what belongs to an execution is kept; nil if there is none with this ARN.
    func number(ofExecution arn: String) throws -> Int64? {
        try statement("SELECT number FROM workflow_executions WHERE arn = ?").value([arn])
    }
}

func payloadHash(_ text: String) -> String {
    var text = text
    return text.withUTF8 { hexText(SHA256.hash(data: UnsafeRawBufferPointer($0))) }
}

/// The text behind a column that `PayloadWriter.column` made.
func payloadText(_ db: SQLiteConnection, execution: Int64, column: String) throws -> String {
    guard column.utf8.first == UInt8(ascii: "#") else { return String(column.dropFirst()) }
    return try payloadText(db, execution: execution, hash: String(column.dropFirst()))
}

private func payloadText(_ db: SQLiteConnection, execution: Int64, hash: String) throws -> String {
    let statement = try db.statement("SELECT text FROM workflow_payloads WHERE execution = ? AND hash = ?")
    guard let text = try statement.value([execution, hash], as: String.self) else {
        throw StateStoreError.corrupt("the payload \(hash) of execution number \(execution) is missing")
    }
    return text
}

/// The events of one row of `workflow_history`.
func historyEvents(_ db: SQLiteConnection, execution: Int64, blob: [UInt8]) throws -> [HistoryRecord] {
    let owner = "execution number \(execution)"
    let parsed = try storedJSON(String(decoding: blob, as: UTF8.self), of: owner)
    guard let list = parsed.array else { throw StateStoreError.corrupt("the history of \(owner) is no array") }
    return try list.map { entry in
        guard let id = entry[0]?.int64, let previous = entry[1]?.int64, let time = entry[2]?.int64,
            let type = entry[3]?.string
        else { throw StateStoreError.corrupt("an event of \(owner) cannot be read: \(entry.text)") }
        var details: JSONObject?
        if let stored = entry[4]?.object {
            var restored = JSONObject()
            for (key, value) in stored {
                if let reference = value.object, reference.count == 1, let hash = reference["#"]?.string {
                    restored.append(key, .string(try payloadText(db, execution: execution, hash: hash)))
                } else {
                    restored.append(key, value)
                }
            }
            details = restored
        }
        return HistoryRecord(
            id: id, previousEventID: previous, timestamp: Timestamp(millisecondsSince1970: time), type: type,
            details: details)
    }
}

/// Parses JSON that this store has written.
func storedJSON(_ text: String, of owner: String) throws -> JSONValue {
    do {
        return try JSONValue(parsing: text, limits: JSONLimits(maxDepth: 1_000))
    } catch {
        throw StateStoreError.corrupt("stored JSON of \(owner) cannot be read: \(error)")
    }
}

// MARK: - Machines inside execution rows

extension StateMachineRecord {
    /// All but the definition, for the row of an execution.
    var pinnedText: String {
        var object: JSONObject = [
            "arn": .string(arn), "account": .string(account), "region": .string(region), "name": .string(name),
            "type": .string(type), "roleArn": .string(roleArn), "createdAt": .number(createdAt.millisecondsSince1970),
            "configuration": .object(configuration),
        ]
        if let updatedAt { object["updatedAt"] = .number(updatedAt.millisecondsSince1970) }
        if let revisionID { object["revisionId"] = .string(revisionID) }
        if hasAWSLimits { object["awsLimits"] = true }
        if let versionArn { object["versionArn"] = .string(versionArn) }
        if let aliasArn { object["aliasArn"] = .string(aliasArn) }
        return JSONValue.object(object).text
    }

    init(pinnedText: String, definition: String) throws {
        let json = try storedJSON(pinnedText, of: "an execution's state machine")
        guard let arn = json["arn"]?.string, let account = json["account"]?.string, let region = json["region"]?.string,
            let name = json["name"]?.string, let type = json["type"]?.string, let role = json["roleArn"]?.string,
            let created = json["createdAt"]?.int64
        else { throw StateStoreError.corrupt("the pinned state machine cannot be read: \(pinnedText)") }
        self.init(
            arn: arn, account: account, region: region, name: name, type: type, definition: definition, roleArn: role,
            createdAt: Timestamp(millisecondsSince1970: created),
            updatedAt: json["updatedAt"]?.int64.map(Timestamp.init(millisecondsSince1970:)),
            revisionID: json["revisionId"]?.string, configuration: json["configuration"]?.object ?? [:])
        hasAWSLimits = json["awsLimits"]?.bool ?? false
        versionArn = json["versionArn"]?.string
        aliasArn = json["aliasArn"]?.string
    }
}
