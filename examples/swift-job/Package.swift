// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "swift-job",
    dependencies: [
        // In a package of your own, the path of your checkout of Millrace.
        .package(name: "millrace", path: "../..")
    ],
    targets: [
        .executableTarget(
            name: "daily-sales", dependencies: [.product(name: "Millrace", package: "millrace")],
            path: "Sources/DailySales")
    ]
)
