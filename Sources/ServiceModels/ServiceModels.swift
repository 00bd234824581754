import CZlib
import FoundationEssentials
import JSONModel

/// The AWS service models of an installed AWS CLI or botocore: what operations take and answer.
///
/// They are read when they are asked for, from the machine's own copy, so that they are as new as its tools.
package struct ServiceModels: Sendable {
    /// Holds `kms/2014-11-01/service-2.json.gz` and the like.
    package let directory: String

    /// - Throws: `ServiceModelError` for a directory without models.
    package init(directory: String) throws(ServiceModelError) {
        self.directory = directory
        guard Self.versions(of: "sts", in: directory) != nil else {
            throw ServiceModelError("\(directory) has no service models: sts/<version>/service-2.json is missing")
        }
    }

    /// Where Debian, pip and Amazon's own installer put them.
    /// - Returns: nil when the machine has none.
    package static func installed() -> ServiceModels? {
        let fixed = [
            "/usr/lib/python3/dist-packages/botocore/data", "/usr/local/aws-cli/v2/current/dist/awscli/botocore/data",
        ]
        var candidates = fixed
        for library in ["/usr/local/lib", "/usr/lib"] {
            for python in (try? FileManager.default.contentsOfDirectory(atPath: library)) ?? []  // It may not be there.
            where python.hasPrefix("python3") {
                for packages in ["dist-packages", "site-packages"] {
                    candidates.append("\(library)/\(python)/\(packages)/botocore/data")
                }
            }
        }
        for candidate in candidates {
            if let models = try? ServiceModels(directory: candidate) { return models }  // The next may be one.
        }
        return nil
    }

    /// The model of a service by the name that the SDKs, or Step Functions' integrations, have for it.
    /// - Returns: nil for a service that has none.
    package func model(ofService name: String) throws(ServiceModelError) -> ServiceModel? {
        // The names come out of ARNs.
        guard name.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }) else {
            return nil
        }
        guard let folder = folder(ofService: name), let version = Self.versions(of: folder, in: directory)?.max() else {
            return nil
        }
        let path = "\(directory)/\(folder)/\(version)/service-2.json"
        do {
            return ServiceModel(document: try JSONValue(parsing: try Self.read(path)))
        } catch {
            throw ServiceModelError("\(path) cannot be read: \(error)")
        }
    }

    /// Most services' folders have the name of the SDKs, some with hyphens between its words.
    private func folder(ofService name: String) -> String? {
        if let known = ServiceNames.folders[name] { return known }
        if Self.versions(of: name, in: directory) != nil { return name }
        let all = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []  // Then there are no models.
        return all.first { $0.contains("-") && $0.filter { $0 != "-" } == name }
    }

    private static func versions(of service: String, in directory: String) -> [String]? {
        // A missing folder is a service without a model.
        let found = (try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/\(service)"))?.filter { version in
            ["", ".gz"].contains {
                FileManager.default.fileExists(atPath: "\(directory)/\(service)/\(version)/service-2.json\($0)")
            }
        }
        return found?.isEmpty == false ? found : nil
    }

    private static func read(_ path: String) throws -> [UInt8] {
        if let plain = FileManager.default.contents(atPath: path) { return Array(plain) }
        guard let packed = FileManager.default.contents(atPath: path + ".gz") else {
            throw ServiceModelError("the file is gone")
        }
        return try gunzip(Array(packed))
    }

    /// Models are some megabytes; the greatest has 20.
    private static let greatestSize = 256 << 20

    private static func gunzip(_ input: [UInt8]) throws(ServiceModelError) -> [UInt8] {
        var input = input
        var output: [UInt8] = []
        var stream = z_stream()
        guard inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw ServiceModelError("zlib did not start")
        }
        defer { inflateEnd(&stream) }
        var status = Z_OK
        // SAFETY: zlib reads avail_in bytes and writes avail_out bytes; both are the sizes of the buffers.
        input.withUnsafeMutableBufferPointer { source in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(clamping: source.count)
            while status == Z_OK, output.count < greatestSize {
                output += [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, count in
                    stream.next_out = buffer.baseAddress
                    stream.avail_out = UInt32(buffer.count)
                    status = inflate(&stream, Z_NO_FLUSH)
                    count = buffer.count - Int(stream.avail_out)
                }
            }
        }
        guard status == Z_STREAM_END else { throw ServiceModelError("it is no whole gzip file") }
        return output
    }
}

package struct ServiceModelError: Error, Sendable, Hashable, CustomStringConvertible {
    package let message: String

    init(_ message: String) { self.message = message }

    package var description: String { message }
}

/// One service's operations and shapes.
package struct ServiceModel: Sendable {
    let document: JSONValue

    /// The shape of an operation's answer; nil for an unknown operation or one that answers nothing.
    package func output(ofOperation name: String) -> Shape? {
        shape(document["operations"]?[name]?["output"]?["shape"]?.string)
    }

    private func shape(_ name: String?) -> Shape? {
        guard let name, let value = document["shapes"]?[name]?.object else { return nil }
        return Shape(model: self, fields: value)
    }

    /// What a value may be.
    package struct Shape: Sendable {
        let model: ServiceModel
        let fields: JSONObject

        /// `structure`, `list`, `map`, `string`, `blob`, `timestamp`, `boolean`, `integer`, `long`, `float`, `double` ...
        package var type: String { fields["type"]?.string ?? "" }
        package var minimum: Double? { fields["min"]?.double }
        package var maximum: Double? { fields["max"]?.double }
        /// Nil when any text will do.
        package var allowed: [String]? { fields["enum"]?.array?.compactMap(\.string) }
        package var required: [String] { fields["required"]?.array?.compactMap(\.string) ?? [] }
        package var members: [(name: String, shape: Shape)] {
            (fields["members"]?.object ?? [:]).compactMap { name, value in
                model.shape(value["shape"]?.string).map { (name, $0) }
            }
        }
        /// Of a list's elements.
        package var element: Shape? { model.shape(fields["member"]?["shape"]?.string) }
        /// Of a map's values.
        package var value: Shape? { model.shape(fields["value"]?["shape"]?.string) }
    }
}
