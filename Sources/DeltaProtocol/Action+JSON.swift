package import JSONModel

extension Action {
    /// Reads the lines of a commit file, each one action; empty lines and unknown actions are passed over.
    ///
    /// - Throws: `DeltaError` `.malformedLog` naming the line.
    package static func parse(lines bytes: [UInt8], file: String) throws(DeltaError) -> [Action] {
        var actions: [Action] = []
        // Some writers spread an action over several lines; these lines, until the closing brace stands alone.
        var pending: [UInt8] = []
        var pendingError: DeltaError?
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            guard let first = line.first(where: { $0 != 32 && $0 != 13 && $0 != 9 }) else { continue }
            pending.append(contentsOf: line)
            if pendingError != nil, first != UInt8(ascii: "}") { continue }
            let json: JSONValue
            do {
                json = try JSONValue(parsing: pending)
            } catch {
                if pendingError == nil {
                    pendingError = DeltaError(.malformedLog, "Line \(index + 1) of '\(file)' is not JSON: \(error.message).")
                }
                continue
            }
            pending.removeAll(keepingCapacity: true)
            pendingError = nil
            guard let object = json.object else {
                throw DeltaError(.malformedLog, "Line \(index + 1) of '\(file)' is not a JSON object.")
            }
            do {
                if let action = try Action(json: object) { actions.append(action) }
            } catch {
                throw DeltaError(.malformedLog, "Line \(index + 1) of '\(file)': \(error.message)")
            }
        }
        if let pendingError { throw pendingError }
        return actions
    }

    /// One line of a commit file, without the line's end.
    package var line: String { json.text }

    /// The action of an object with one member; nil for one that is not known.
    package init?(json: JSONObject) throws(DeltaError) {
        for (name, value) in json {
            if value.isNull { continue }
            guard let body = value.object else { throw DeltaError(.malformedLog, "The action '\(name)' is not an object.") }
            let members = Members(name: name, body: body)
            switch name {
            case "protocol": self = .protocol(try Protocol(members))
            case "metaData": self = .metadata(try Metadata(members))
            case "add": self = .add(try AddFile(members))
            case "remove": self = .remove(try RemoveFile(members))
            case "commitInfo": self = .commitInfo(CommitInfo(body))
            case "txn": self = .transaction(try SetTransaction(members))
            case "cdc": self = .cdc(try CDC(members))
            case "domainMetadata": self = .domainMetadata(try DomainMetadata(members))
            case "checkpointMetadata": self = .checkpointMetadata(try CheckpointMetadata(members))
            case "sidecar": self = .sidecar(try Sidecar(members))
            default: continue
            }
            return
        }
        return nil
    }

    package var json: JSONValue {
        let (name, body): (String, JSONObject) =
            switch self {
            case .protocol(let x): ("protocol", x.json)
            case .metadata(let x): ("metaData", x.json)
            case .add(let x): ("add", x.json)
            case .remove(let x): ("remove", x.json)
            case .commitInfo(let x): ("commitInfo", x.members)
            case .transaction(let x): ("txn", x.json)
            case .cdc(let x): ("cdc", x.json)
            case .domainMetadata(let x): ("domainMetadata", x.json)
            case .checkpointMetadata(let x): ("checkpointMetadata", x.json)
            case .sidecar(let x): ("sidecar", x.json)
            }
        return .object(JSONObject([(name, .object(body))]))
    }
}

/// The members of an action, read with messages that name it.
private struct Members {
    let name: String
    let body: JSONObject

    func string(_ key: String) throws(DeltaError) -> String {
        guard let value = body[key]?.string else { throw missing(key, "string") }
        return value
    }

    func int64(_ key: String) throws(DeltaError) -> Int64 {
        guard let value = body[key]?.int64 else { throw missing(key, "integer") }
        return value
    }

    func int(_ key: String) throws(DeltaError) -> Int {
        guard let value = Int32(exactly: try int64(key)) else { throw missing(key, "32-bit integer") }
        return Int(value)
    }

    func bool(_ key: String) throws(DeltaError) -> Bool {
        guard let value = body[key]?.bool else { throw missing(key, "boolean") }
        return value
    }

    func strings(_ key: String) throws(DeltaError) -> [String]? {
        guard let value = body[key], !value.isNull else { return nil }
        guard let list = value.array else { throw missing(key, "list") }
        var result: [String] = []
        for element in list {
            guard let text = element.string else { throw missing(key, "list of strings") }
            result.append(text)
        }
        return result
    }

    func nullableMap(_ key: String) throws(DeltaError) -> [String: String?]? {
        guard let value = body[key], !value.isNull else { return nil }
        guard let object = value.object else { throw missing(key, "object") }
        var result: [String: String?] = [:]
        for (name, value) in object {
            guard value.isNull || value.string != nil else { throw missing(key, "object of strings") }
            result[name] = .some(value.string)
        }
        return result
    }

    func map(_ key: String) throws(DeltaError) -> [String: String]? {
        try nullableMap(key)?.compactMapValues { $0 }
    }

    func deletionVector() throws(DeltaError) -> DeletionVectorDescriptor? {
        guard let value = body["deletionVector"], !value.isNull else { return nil }
        guard let object = value.object else { throw missing("deletionVector", "object") }
        let members = Members(name: "deletionVector", body: object)
        return DeletionVectorDescriptor(
            storageType: try members.string("storageType"), pathOrInlineDv: try members.string("pathOrInlineDv"),
            offset: object["offset"]?.int64, sizeInBytes: try members.int64("sizeInBytes"),
            cardinality: try members.int64("cardinality"))
    }

    func missing(_ key: String, _ type: String) -> DeltaError {
        DeltaError(.malformedLog, "The action '\(name)' has no \(type) '\(key)'.")
    }
}

extension Protocol {
    fileprivate init(_ members: Members) throws(DeltaError) {
        self.init(
            minReaderVersion: try members.int("minReaderVersion"), minWriterVersion: try members.int("minWriterVersion"),
            readerFeatures: try members.strings("readerFeatures"), writerFeatures: try members.strings("writerFeatures"))
    }

    var json: JSONObject {
        var object: JSONObject = ["minReaderVersion": .number(JSONNumber(minReaderVersion))]
        object["minWriterVersion"] = .number(JSONNumber(minWriterVersion))
        if let readerFeatures { object["readerFeatures"] = .array(readerFeatures.map(JSONValue.string)) }
        if let writerFeatures { object["writerFeatures"] = .array(writerFeatures.map(JSONValue.string)) }
        return object
    }
}

extension Metadata {
    fileprivate init(_ members: Members) throws(DeltaError) {
        self.init(
            id: try members.string("id"), name: members.body["name"]?.string,
            description: members.body["description"]?.string, schemaString: try members.string("schemaString"),
            partitionColumns: try members.strings("partitionColumns") ?? [],
            configuration: try members.map("configuration") ?? [:], createdTime: members.body["createdTime"]?.int64)
        if let format = members.body["format"]?.object {
            let members = Members(name: "format", body: format)
            formatProvider = try members.string("provider")
            formatOptions = try members.map("options") ?? [:]
        }
    }

    var json: JSONObject {
        var object: JSONObject = ["id": .string(id)]
        if let name { object["name"] = .string(name) }
        if let description { object["description"] = .string(description) }
        object["format"] = ["provider": .string(formatProvider), "options": .object(textMap(formatOptions))]
        object["schemaString"] = .string(schemaString)
        object["partitionColumns"] = .array(partitionColumns.map(JSONValue.string))
        object["configuration"] = .object(textMap(configuration))
        object.set("createdTime", createdTime)
        return object
    }
}

extension AddFile {
    fileprivate init(_ members: Members) throws(DeltaError) {
        self.init(
            path: try members.string("path"), partitionValues: try members.nullableMap("partitionValues") ?? [:],
            size: try members.int64("size"), modificationTime: try members.int64("modificationTime"),
            dataChange: try members.bool("dataChange"), stats: members.body["stats"]?.string)
        tags = try members.nullableMap("tags")
        deletionVector = try members.deletionVector()
        baseRowId = members.body["baseRowId"]?.int64
        defaultRowCommitVersion = members.body["defaultRowCommitVersion"]?.int64
        clusteringProvider = members.body["clusteringProvider"]?.string
    }

    var json: JSONObject {
        var object: JSONObject = ["path": .string(path)]
        object["partitionValues"] = .object(nullableTextMap(partitionValues))
        object.set("size", size)
        object.set("modificationTime", modificationTime)
        object["dataChange"] = .bool(dataChange)
        if let stats { object["stats"] = .string(stats) }
        if let tags { object["tags"] = .object(nullableTextMap(tags)) }
        if let deletionVector { object["deletionVector"] = .object(deletionVector.json) }
        object.set("baseRowId", baseRowId)
        object.set("defaultRowCommitVersion", defaultRowCommitVersion)
        if let clusteringProvider { object["clusteringProvider"] = .string(clusteringProvider) }
        return object
    }
}

extension RemoveFile {
    fileprivate init(_ members: Members) throws(DeltaError) {
        self.init(
            path: try members.string("path"), deletionTimestamp: members.body["deletionTimestamp"]?.int64,
            dataChange: members.body["dataChange"]?.bool ?? true)
        extendedFileMetadata = members.body["extendedFileMetadata"]?.bool
        partitionValues = try members.nullableMap("partitionValues")
        size = members.body["size"]?.int64
        tags = try members.nullableMap("tags")
        deletionVector = try members.deletionVector()
        baseRowId = members.body["baseRowId"]?.int64
        defaultRowCommitVersion = members.body["defaultRowCommitVersion"]?.int64
    }

    var json: JSONObject {
        var object: JSONObject = ["path": .string(path)]
        object.set("deletionTimestamp", deletionTimestamp)
        object["dataChange"] = .bool(dataChange)
        if let extendedFileMetadata { object["extendedFileMetadata"] = .bool(extendedFileMetadata) }
        if let partitionValues { object["partitionValues"] = .object(nullableTextMap(partitionValues)) }
        object.set("size", size)
        if let tags { object["tags"] = .object(nullableTextMap(tags)) }
        if let deletionVector { object["deletionVector"] = .object(deletionVector.json) }
        object.set("baseRowId", baseRowId)
        object.set("defaultRowCommitVersion", defaultRowCommitVersion)
        return object
    }
}

extension DeletionVectorDescriptor {
    var json: JSONObject {
        var object: JSONObject = ["storageType": .string(storageType), "pathOrInlineDv": .string(pathOrInlineDv)]
        object.set("offset", offset)
        object.set("sizeInBytes", sizeInBytes)
        object.set("cardinality", cardinality)
        return object
    }
}

extension SetTransaction {
    fileprivate init(_ members: Members) throws(DeltaError) {
        self.init(
            appId: try members.string("appId"), version: try members.int64("version"),
            lastUpdated: members.body["lastUpdated"]?.int64)
    }

    var json: JSONObject {
        var object: JSONObject = ["appId": .string(appId)]
        object.set("version", version)
        object.set("lastUpdated", lastUpdated)
        return object
    }
}

extension CDC {
    fileprivate init(_ members: Members) throws(DeltaError) {
        self.init(
            path: try members.string("path"), partitionValues: try members.nullableMap("partitionValues") ?? [:],
            size: try members.int64("size"), dataChange: members.body["dataChange"]?.bool ?? false,
            tags: try members.nullableMap("tags"))
    }

    var json: JSONObject {
        var object: JSONObject = ["path": .string(path)]
        object["partitionValues"] = .object(nullableTextMap(partitionValues))
        object.set("size", size)
        object["dataChange"] = .bool(dataChange)
        if let tags { object["tags"] = .object(nullableTextMap(tags)) }
        return object
    }
}

extension DomainMetadata {
    fileprivate init(_ members: Members) throws(DeltaError) {
        self.init(
            domain: try members.string("domain"), configuration: try members.string("configuration"),
            removed: try members.bool("removed"))
    }

    var json: JSONObject {
        ["domain": .string(domain), "configuration": .string(configuration), "removed": .bool(removed)]
    }
}

extension CheckpointMetadata {
    fileprivate init(_ members: Members) throws(DeltaError) {
        self.init(version: try members.int64("version"), tags: try members.nullableMap("tags"))
    }

    var json: JSONObject {
        var object: JSONObject = [:]
        object.set("version", version)
        if let tags { object["tags"] = .object(nullableTextMap(tags)) }
        return object
    }
}

extension Sidecar {
    fileprivate init(_ members: Members) throws(DeltaError) {
        self.init(
            path: try members.string("path"), sizeInBytes: try members.int64("sizeInBytes"),
            modificationTime: try members.int64("modificationTime"), tags: try members.nullableMap("tags"))
    }

    var json: JSONObject {
        var object: JSONObject = ["path": .string(path)]
        object.set("sizeInBytes", sizeInBytes)
        object.set("modificationTime", modificationTime)
        if let tags { object["tags"] = .object(nullableTextMap(tags)) }
        return object
    }
}

extension JSONObject {
    fileprivate mutating func set(_ key: String, _ value: Int64?) {
        if let value { self[key] = .number(JSONNumber(value)) }
    }
}

/// Members in the order of their names, so that the same map always gives the same bytes.
private func textMap(_ map: [String: String]) -> JSONObject {
    JSONObject(map.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
}

private func nullableTextMap(_ map: [String: String?]) -> JSONObject {
    JSONObject(map.sorted { $0.key < $1.key }.map { ($0.key, $0.value.map(JSONValue.string) ?? .null) })
}
