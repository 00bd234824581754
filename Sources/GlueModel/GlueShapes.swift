// Shapes of the service model that several operations share.

extension GlueShape {
    package static let column = structure([
        Member("Name", .name, required: true), Member("Type", .string(0...131_072)), Member("Comment", .string(0...255)),
        Member("Parameters", .map),
    ])

    package static let storageDescriptor = structure([
        Member("Columns", .list(column)), Member("Location", .string(0...2056)),
        Member("AdditionalLocations", .list(.string(0...2056))), Member("InputFormat", .string(0...128)),
        Member("OutputFormat", .string(0...128)), Member("Compressed", .boolean),
        Member("NumberOfBuckets", .integer(-2_147_483_648...2_147_483_647)),
        Member(
            "SerdeInfo",
            .structure([
                Member("Name", .name), Member("SerializationLibrary", .name), Member("Parameters", .map),
            ])),
        Member("BucketColumns", .list(.name)),
        Member(
            "SortColumns",
            .list(.structure([Member("Column", .name, required: true), Member("SortOrder", .integer(0...1), required: true)]))),
        Member("Parameters", .map),
        Member(
            "SkewedInfo",
            .structure([
                Member("SkewedColumnNames", .list(.name)), Member("SkewedColumnValues", .list(.text)),
                Member("SkewedColumnValueLocationMaps", .map),
            ])),
        Member("StoredAsSubDirectories", .boolean), Member("SchemaReference", .document),
    ])

    package static let databaseInput = structure([
        Member("Name", .name, required: true), Member("Description", .string(0...2048)),
        Member("LocationUri", .string(1...1024)), Member("Parameters", .map),
        Member("CreateTableDefaultPermissions", .document), Member("TargetDatabase", .document),
        Member("FederatedDatabase", .document),
    ])

    package static let tableInput = structure([
        Member("Name", .name, required: true), Member("Description", .string(0...2048)), Member("Owner", .name),
        Member("LastAccessTime", .timestamp), Member("LastAnalyzedTime", .timestamp),
        Member("Retention", .integer(0...2_147_483_647)), Member("StorageDescriptor", storageDescriptor),
        Member("PartitionKeys", .list(column)), Member("ViewOriginalText", .string(0...409_600)),
        Member("ViewExpandedText", .string(0...409_600)), Member("TableType", .string(0...255)),
        Member("Parameters", .map), Member("TargetTable", .document), Member("ViewDefinition", .document),
    ])

    package static let partitionInput = structure([
        Member("Values", .list(.string(0...1024))), Member("LastAccessTime", .timestamp),
        Member("StorageDescriptor", storageDescriptor), Member("Parameters", .map),
        Member("LastAnalyzedTime", .timestamp),
    ])

    package static let partitionValues = list(.string(0...1024), 0...100)

    private static let jobMembers: [Member] = [
        Member("JobMode", .oneOf(["SCRIPT", "VISUAL", "NOTEBOOK"])), Member("JobRunQueuingEnabled", .boolean),
        Member("Description", .string(0...2048)), Member("LogUri", .text),
        Member("ExecutionProperty", .structure([Member("MaxConcurrentRuns", .integer(0...1_000_000))])),
        Member("DefaultArguments", .map), Member("NonOverridableArguments", .map),
        Member("Connections", .structure([Member("Connections", .list(.text))])),
        Member("MaxRetries", .integer(0...10)), Member("AllocatedCapacity", .integer(0...2_147_483_647)),
        Member("Timeout", .integer(1...10_080)), Member("MaxCapacity", .double),
        Member("WorkerType", .name), Member("NumberOfWorkers", .integer(0...2_147_483_647)),
        Member("SecurityConfiguration", .name),
        Member("NotificationProperty", .structure([Member("NotifyDelayAfter", .integer(1...2_147_483_647))])),
        Member("GlueVersion", .name), Member("CodeGenConfigurationNodes", .document),
        Member("ExecutionClass", .oneOf(["FLEX", "STANDARD"])), Member("SourceControlDetails", .document),
        Member("MaintenanceWindow", .text),
    ]

    private static let command = structure([
        Member("Name", .text), Member("ScriptLocation", .string(0...400_000)), Member("PythonVersion", .text),
        Member("Runtime", .string(0...64)),
    ])

    package static let createJob = structure(
        [
            Member("Name", .name, required: true), Member("Role", .text, required: true),
            Member("Command", command, required: true),
        ] + jobMembers + [Member("Tags", .map)])

    package static let jobUpdate = structure([Member("Role", .text), Member("Command", command)] + jobMembers)

    package static let startJobRun = structure([
        Member("JobName", .name, required: true), Member("JobRunQueuingEnabled", .boolean), Member("JobRunId", .name),
        Member("Arguments", .map), Member("AllocatedCapacity", .integer(0...2_147_483_647)),
        Member("Timeout", .integer(1...10_080)), Member("MaxCapacity", .double),
        Member("SecurityConfiguration", .name),
        Member("NotificationProperty", .structure([Member("NotifyDelayAfter", .integer(1...2_147_483_647))])),
        Member("WorkerType", .name), Member("NumberOfWorkers", .integer(0...2_147_483_647)),
        Member("ExecutionClass", .oneOf(["FLEX", "STANDARD"])), Member("ExecutionRoleSessionPolicy", .text),
    ])
}
