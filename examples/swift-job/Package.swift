// swift-tools-version: 6.2
import PackageDescription

/// Links the Swift runtime and what is used of Foundation into the program: the machine that runs it needs neither.
/// (`swift build --static-swift-stdlib` does so, too, but compiles everything in another way than Millrace's own build,
/// and so once more.)
let staticRuntime: [LinkerSetting] = [
    .unsafeFlags(
        ["-static-stdlib", "-use-ld=lld", "-Xlinker", "--gc-sections", "-Xlinker", "--start-group"]
            + [
                "FoundationEssentials", "_FoundationCShims", "_FoundationCollections", "swiftSynchronization",
                "swiftDispatch", "swift_Builtin_float", "swift_RegexParser", "swift_StringProcessing",
                "swift_Concurrency", "swiftCore", "swiftGlibc",
            ].map { "-l\($0)" } + ["-Xlinker", "--end-group"])
]

let package = Package(
    name: "swift-job",
    dependencies: [
        // In a package of your own, the path of your checkout of Millrace.
        .package(name: "millrace", path: "../..")
    ],
    targets: [
        .executableTarget(
            name: "daily-sales", dependencies: [.product(name: "Millrace", package: "millrace")],
            path: "Sources/DailySales", linkerSettings: staticRuntime)
    ]
)
