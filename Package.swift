// swift-tools-version: 6.2
import PackageDescription

// The tiers of docs/ARCHITECTURE.md. Tests/TidyTests holds this file to that map: a target depends on lower
// tiers, and on its own tier only along an edge the map lists.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A C library of the system, found by pkg-config and installed by `make deps`.
func system(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, path: "Sources/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

// A target names every module whose stored values it holds, directly or inside others', or an incremental build keeps
// code that has their old layout: whoever uses `Columnar`, whose fields hold JSON, names `JSONModel`, too.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], fixtures: Bool = false) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestSupport"],
        exclude: fixtures ? ["Fixtures"] : [], swiftSettings: settings)
}

/// Links the Swift runtime into an executable. `--static-swift-stdlib` would do the same but compiles every module in
/// another way than the tests need, and so builds everything twice.
///
/// Of Foundation only its essentials are named: all of it brings 40 MB of Unicode tables along, and does not link. The
/// other flags keep the start short: lld can pack relocations into a few bits each, and symbols that are not exported
/// need not be searched for every library that is loaded.
let staticStandardLibrary: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-static-stdlib", "-use-ld=lld", "-Xlinker", "--gc-sections", "-Xlinker", "--no-export-dynamic",
            "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs", "-Xlinker", "--start-group",
        ]
            + [
                "FoundationEssentials", "_FoundationCShims", "_FoundationCollections", "swiftSynchronization",
                "swiftDispatch", "swift_Builtin_float", "swift_RegexParser", "swift_StringProcessing",
                "swift_Concurrency", "swiftCore", "swiftGlibc",
            ].map { "-l\($0)" } + ["-Xlinker", "--end-group"])
]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTPTypes: Target.Dependency = .product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "millrace",
    products: [
        .executable(name: "millrace", targets: ["MillraceCommand"]),
        .executable(name: "millrace-shim", targets: ["millrace-shim"]),
        .library(name: "Millrace", targets: ["Millrace"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C: system libraries, and ours.
        system("CJansson", pkgConfig: "jansson", apt: "libjansson-dev"),
        system("CZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),
        system("CSnappy", pkgConfig: "snappy", apt: "libsnappy-dev"),
        system("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        system("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
        system("CPCRE2", pkgConfig: "libpcre2-8", apt: "libpcre2-dev"),
        // Linked into the program by its module map: few verbs read YAML, and none shall load a library for it.
        .systemLibrary(name: "CYAML", path: "Sources/CYAML", providers: [.apt(["libyaml-dev"])]),
        .target(name: "CCurl"),
        .target(name: "CXXHash"),
        .target(name: "CKernels"),
        .target(name: "CFiles"),
        .executableTarget(name: "millrace-shim"),

        // Tier 0: values.
        library("Support"),
        library("JSONModel", ["Support"]),

        // Tier 1: cores. No I/O, no clock.
        library("JSONPath", ["CPCRE2", "JSONModel", "Support"]),
        library("JSONata", ["CPCRE2", "JSONModel", "Support", crypto]),
        library("StatesLanguage", ["JSONModel", "JSONPath", "JSONata", "Support"]),
        library("StatesRuntime", ["JSONModel", "JSONPath", "JSONata", "StatesLanguage", "Support", crypto]),
        library("BatchScheduling", ["JSONModel", "Support"]),
        library("GlueModel", ["JSONModel", "Support"]),
        library("SettingsModel", ["CYAML", "JSONModel", "Support"]),
        library("AWSProtocol", ["CKernels", "CXXHash", "JSONModel", "Support", crypto]),
        library("Columnar", ["CKernels", "JSONModel", "Support"]),
        library("TextFormats", ["CKernels", "Columnar", "JSONModel", "Support"]),
        library("SparkPlan", ["Columnar", "JSONModel", "Support"]),
        library("SparkSQL", ["Columnar", "JSONModel", "SparkPlan", "Support"]),
        library("Execution", ["Columnar", "JSONModel", "SparkPlan", "Support", "CKernels", "CPCRE2", "CZlib"]),
        library("Parquet", ["Columnar", "JSONModel", "Support", "CZstd", "CSnappy", "CZlib"]),
        library("DeltaProtocol", ["Columnar", "JSONModel", "Support"]),

        // Tier 2: ports and their adapters.
        library("HTTPTransport", ["AWSProtocol", "CCurl", "JSONModel", "Support"]),
        library("ObjectStore", ["Support", crypto]),
        library("ObjectStoreS3", ["AWSProtocol", "HTTPTransport", "JSONModel", "ObjectStore", "Support"]),
        library("StateStore", ["JSONModel", "Support", "CSQLite", crypto]),
        library("ProcessRunner", ["JSONModel", "Support"]),
        library("ServiceModels", ["AWSProtocol", "CZlib", "JSONModel", "Support"]),

        // Tier 3: engines. Asynchronous shells around the cores.
        library(
            "QueryEngine",
            [
                "Columnar", "Execution", "JSONModel", "ObjectStore", "Parquet", "SparkPlan", "SparkSQL",
                "Support", "TextFormats",
            ]),
        library(
            "DeltaTable",
            [
                "Columnar", "DeltaProtocol", "Execution", "JSONModel", "ObjectStore", "Parquet", "QueryEngine",
                "SparkPlan", "Support",
            ]),
        library(
            "WorkflowEngine",
            ["CZlib", "CZstd", "JSONModel", "ObjectStore", "StatesLanguage", "StatesRuntime", "StateStore", "Support", crypto, logging]),
        library(
            "BatchEngine",
            ["BatchScheduling", "JSONModel", "ProcessRunner", "StateStore", "Support", crypto, logging]),
        library("CatalogEngine", ["GlueModel", "JSONModel", "StateStore", "Support"]),
        library("Backup", ["JSONModel", "StateStore", "Support", crypto]),
        library("ObjectServer", ["AWSProtocol", "CFiles", "StateStore", "Support", crypto, nioCore, logging]),

        // Tier 4: services. Request shapes in, engine calls, service errors out.
        library("ServiceKit", ["AWSProtocol", "JSONModel", "Support", nioCore]),
        library(
            "StatesService",
            ["AWSProtocol", "JSONModel", "ServiceKit", "ServiceModels", "StateStore", "StatesLanguage", "StatesRuntime", "Support", "WorkflowEngine"]),
        library(
            "StatesIntegrations",
            [
                "AWSProtocol", "BatchEngine", "BatchScheduling", "HTTPTransport", "JSONModel", "ProcessRunner", "ServiceKit",
                "ServiceModels", "StateStore", "StatesLanguage", "StatesRuntime", "Support", "WorkflowEngine", crypto, logging,
            ]),
        library(
            "GlueService",
            [
                "AWSProtocol", "BatchEngine", "BatchScheduling", "CatalogEngine", "GlueModel", "JSONModel",
                "ServiceKit", "StateStore", "Support",
            ]),
        library(
            "BatchService",
            ["AWSProtocol", "BatchEngine", "BatchScheduling", "JSONModel", "ServiceKit", "StateStore", "Support"]),
        library("LogsService", ["AWSProtocol", "BatchEngine", "BatchScheduling", "JSONModel", "ServiceKit", "StateStore", "Support"]),
        library("S3Service", ["AWSProtocol", "JSONModel", "ObjectServer", "ServiceKit", "StateStore", "Support", nioCore, crypto]),
        library(
            "AWSServer",
            [
                "AWSProtocol", "CFiles", "JSONModel", "ServiceKit", "StateStore", "Support", hummingbirdCore, httpTypes, nioCore,
                nioHTTP1, nioPosix, nioHTTPTypes, nioSSL, logging, lifecycle,
            ]),
        library("Console", ["AWSProtocol", "JSONModel", "ServiceKit", "Support", nioCore]),

        // The library for job authors.
        library(
            "Millrace",
            [
                "AWSProtocol", "Columnar", "DeltaProtocol", "DeltaTable", "Execution", "GlueModel", "HTTPTransport",
                "JSONModel", "ObjectStore", "ObjectStoreS3", "QueryEngine", "SparkPlan", "SparkSQL", "Support", crypto,
            ]),

        // Tier 5: programs. Only these read the environment, bind ports to adapters, exit.
        .executableTarget(
            name: "MillraceCommand",
            dependencies: [
                "AWSProtocol", "AWSServer", "Backup", "BatchEngine", "BatchScheduling", "BatchService", "CatalogEngine",
                "Columnar", "Console", "DeltaProtocol", "DeltaTable", "GlueModel", "GlueService", "HTTPTransport",
                "JSONModel", "JSONPath", "JSONata", "LogsService", "Millrace", "ObjectServer", "ObjectStore", "ObjectStoreS3",
                "ProcessRunner", "QueryEngine", "S3Service", "ServiceKit", "ServiceModels", "SettingsModel", "SparkSQL", "StateStore", "StatesIntegrations",
                "StatesLanguage", "StatesRuntime", "StatesService", "Support", "TextFormats", "WorkflowEngine",
                arguments, crypto, logging, lifecycle, unixSignals,
            ],
            swiftSettings: settings, linkerSettings: staticStandardLibrary),

        library(
            "SimulationKit",
            ["JSONModel", "ObjectStore", "StateStore", "StatesLanguage", "StatesRuntime", "Support", "WorkflowEngine", logging]),
        .executableTarget(
            name: "simulate", dependencies: ["SimulationKit", "Support"], swiftSettings: settings),

        // Tests.
        .executableTarget(
            name: "objects-benchmark", dependencies: ["AWSProtocol", "HTTPTransport", "ObjectStore", "ObjectStoreS3", "Support"],
            path: "Benchmarks/objects", swiftSettings: settings, linkerSettings: staticStandardLibrary),
        .target(name: "TestSupport", dependencies: ["JSONModel", "Support"], path: "Tests/TestSupport", swiftSettings: settings),
        .target(
            name: "TableTestSupport", dependencies: ["Columnar", "JSONModel", "Support", crypto],
            path: "Tests/TableTestSupport", swiftSettings: settings),
        tests("TidyTests", []),
        tests("SupportTests", ["Support"]),
        tests("JSONModelTests", ["JSONModel", "CJansson", "Support"]),
        tests("JSONPathTests", ["JSONModel", "JSONPath"]),
        tests("SettingsModelTests", ["JSONModel", "SettingsModel", "Support"]),
        tests("JSONataTests", ["JSONModel", "JSONata", "Support"]),
        tests("StatesLanguageTests", ["JSONModel", "StatesLanguage"]),
        tests("StatesRuntimeTests", ["JSONModel", "StatesLanguage", "StatesRuntime", "Support"], fixtures: true),
        tests("StateStoreTests", ["JSONModel", "SimulationKit", "StateStore", "Support", "CSQLite"]),
        tests(
            "SimulationTests",
            ["JSONModel", "SimulationKit", "StateStore", "StatesLanguage", "StatesRuntime", "Support", "WorkflowEngine", logging]),
        tests("WorkflowEngineTests", ["JSONModel", "ObjectStore", "StatesLanguage", "StatesRuntime", "StateStore", "Support", "WorkflowEngine"]),
        tests("StatesServiceTests", ["AWSProtocol", "JSONModel", "ServiceKit", "ServiceModels", "StateStore", "StatesService", "Support", "WorkflowEngine"]),
        tests("ServiceModelsTests", ["AWSProtocol", "JSONModel", "ServiceModels", "Support"], fixtures: true),
        tests(
            "StatesIntegrationsTests",
            [
                "AWSProtocol", "BatchEngine", "BatchScheduling", "HTTPTransport", "JSONModel", "ProcessRunner", "ServiceKit",
                "ServiceModels", "StateStore", "StatesIntegrations", "StatesLanguage", "StatesRuntime", "Support", "WorkflowEngine",
                "millrace-shim",
            ], fixtures: true),
        tests("AWSProtocolTests", ["AWSProtocol", "JSONModel", "Support"], fixtures: true),
        tests("HTTPTransportTests", ["AWSProtocol", "HTTPTransport", "JSONModel", "Support"], fixtures: true),
        tests("ObjectStoreTests", ["AWSProtocol", "HTTPTransport", "ObjectStore", "ObjectStoreS3", "Support"]),
        tests("ObjectServerTests", ["AWSProtocol", "JSONModel", "ObjectServer", "S3Service", "ServiceKit", "StateStore", "Support", nioCore, crypto]),
        tests("AWSServerTests", ["AWSProtocol", "AWSServer", "ServiceKit", "Support", logging, nioCore, nioEmbedded]),
        tests("BackupTests", ["Backup", "JSONModel", "StateStore", "Support"]),
        tests("ConsoleTests", ["AWSProtocol", "Console", "JSONModel", "ServiceKit", "Support", nioCore]),
        tests("CatalogTests", ["AWSProtocol", "BatchEngine", "BatchScheduling", "CatalogEngine", "GlueModel", "GlueService", "JSONModel", "ServiceKit", "StateStore", "Support"]),
        tests("BatchSchedulingTests", ["BatchScheduling", "JSONModel", "Support"]),
        tests("ProcessRunnerTests", ["JSONModel", "ProcessRunner", "Support", "millrace-shim"]),
        tests(
            "BatchEngineTests",
            [
                "AWSProtocol", "BatchEngine", "BatchScheduling", "BatchService", "JSONModel", "LogsService",
                "ProcessRunner", "ServiceKit", "StateStore", "StatesIntegrations", "StatesLanguage", "Support",
                "WorkflowEngine", "millrace-shim",
            ]),
        tests("ColumnarTests", ["Columnar", "CKernels", "JSONModel", "Support"]),
        tests("TextFormatsTests", ["Columnar", "JSONModel", "TextFormats", "Support"]),
        tests("ExecutionTests", ["Columnar", "JSONModel", "Execution", "SparkPlan", "Support"]),
        tests("ParquetTests", ["TableTestSupport", "Columnar", "Parquet", "Support", "JSONModel"]),
        tests("DeltaProtocolTests", ["Columnar", "DeltaProtocol", "JSONModel", "Support"]),
        tests("DeltaTableTests", ["TableTestSupport", "Columnar", "DeltaProtocol", "DeltaTable", "JSONModel", "ObjectStore", "Parquet", "QueryEngine", "SparkPlan", "Support"]),
        tests("SparkSQLTests", ["Columnar", "JSONModel", "SparkPlan", "SparkSQL", "Support"]),
        tests("QueryEngineTests", ["Columnar", "JSONModel", "Execution", "ObjectStore", "QueryEngine", "SparkPlan", "SparkSQL", "Support"]),
        tests("MillraceTests", ["Columnar", "JSONModel", "Millrace", "ObjectStore", "QueryEngine", "SparkPlan", "Support"]),
        tests("EndToEndTests", ["AWSProtocol", "HTTPTransport", "JSONModel", "Support"]),
    ]
)
