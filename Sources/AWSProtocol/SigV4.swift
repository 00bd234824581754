import Crypto
import FoundationEssentials
import Support
import Synchronization

/// AWS Signature Version 4: the values that signing and verifying share.
///
/// - Source: "AWS Signature Version 4 for API requests" and, for chunked bodies, "Signature calculations for the
///   authorization header: transferring payload in multiple chunks" of the S3 API reference.
package enum SigV4 {
    package static let algorithm = "AWS4-HMAC-SHA256"
    /// SHA-256 of no bytes.
    package static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    /// How far a request's time may lie from the server's, in either direction.
    package static let clockSkewMilliseconds: Int64 = 15 * 60 * 1000
    package static let presignExpirySecondsMax = 604_800

    /// What a request says of its body in the part that is signed.
    package enum PayloadDeclaration: Sendable, Hashable {
        /// The request has no signature or no declaration; the body is whatever comes.
        case absent
        /// The body's SHA-256, lower-case hexadecimal. Whoever reads the body compares.
        case hash(String)
        case unsigned
        /// Chunks, each with a signature (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`).
        case streamingSigned(ChunkSigning)
        /// The same, then trailing fields with a signature (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`).
        case streamingSignedTrailer(ChunkSigning)
        /// Chunks without signatures, then trailing fields (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`).
        case streamingUnsignedTrailer
    }

    /// Where a key is valid: `20261121/us-east-1/s3/aws4_request`.
    package struct CredentialScope: Sendable, Hashable {
        package var accessKeyID: String
        /// `yyyyMMdd`.
        package var date: String
        package var region: String
        package var service: String

        package init(accessKeyID: String, date: String, region: String, service: String) {
            self.accessKeyID = accessKeyID
            self.date = date
            self.region = region
            self.service = service
        }

        /// Reads `<key id>/<date>/<region>/<service>/aws4_request`. The key id may itself contain slashes.
        package init?(credential: String) {
            let parts = credential.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
                .map { Substring($0) }
            guard parts.count >= 5, parts[parts.count - 1] == "aws4_request" else { return nil }
            let key = parts.dropLast(4).joined(separator: "/")
            let date = parts[parts.count - 4]
            let region = parts[parts.count - 3]
            let service = parts[parts.count - 2]
            guard !key.isEmpty, date.utf8.count == 8, date.utf8.allSatisfy({ (48...57).contains($0) }),
                !region.isEmpty, !service.isEmpty
            else { return nil }
            self.init(accessKeyID: key, date: String(date), region: String(region), service: String(service))
        }

        /// Without the key id, as the string to sign has it.
        package var text: String { "\(date)/\(region)/\(service)/aws4_request" }
    }

    /// The key derived for one (secret, date, region, service).
    package struct SigningKey: Sendable, Hashable {
        fileprivate let key: SymmetricKey

        package init(secret: String, scope: CredentialScope) {
            let date = hmac(SymmetricKey(data: Array("AWS4\(secret)".utf8)), scope.date)
            let region = hmac(date, scope.region)
            let service = hmac(region, scope.service)
            key = hmac(service, "aws4_request")
        }

        /// Lower-case hexadecimal.
        package func signature(of stringToSign: String) -> String {
            var code = HMAC<SHA256>(key: key)
            code.update(data: Array(stringToSign.utf8))
            return hexText(code.finalize())
        }

        package static func == (a: SigningKey, b: SigningKey) -> Bool { a.key == b.key }
        package func hash(into hasher: inout Hasher) { hasher.combine(key.bitCount) }
    }

    /// Keeps derived keys, as four HMACs per request would otherwise be spent on the same result. At most
    /// `capacity` keys; when full it starts anew.
    package final class SigningKeyCache: Sendable {
        private struct Name: Hashable {
            var secret: String, date: String, region: String, service: String
        }

        private let keys = Mutex<[Name: SigningKey]>([:])
        private let capacity: Int

        package init(capacity: Int = 1024) { self.capacity = capacity }

        package func key(secret: String, scope: CredentialScope) -> SigningKey {
            let name = Name(secret: secret, date: scope.date, region: scope.region, service: scope.service)
            if let known = keys.withLock({ $0[name] }) { return known }
            let key = SigningKey(secret: secret, scope: scope)
            keys.withLock {
                if $0.count >= capacity { $0.removeAll(keepingCapacity: true) }
                $0[name] = key
            }
            return key
        }
    }

    /// What the signatures of a body's chunks are computed from.
    package struct ChunkSigning: Sendable, Hashable {
        package var key: SigningKey
        /// As in `X-Amz-Date`.
        package var date: String
        /// Without the key id.
        package var scope: String
        /// The signature of the request's head; the first chunk's signature builds on it.
        package var seedSignature: String

        package init(key: SigningKey, date: String, scope: String, seedSignature: String) {
            self.key = key
            self.date = date
            self.scope = scope
            self.seedSignature = seedSignature
        }

        /// - Parameter hash: SHA-256 of the chunk's payload, lower-case hexadecimal.
        package func signature(ofChunkHash hash: String, after previous: String) -> String {
            key.signature(
                of: "AWS4-HMAC-SHA256-PAYLOAD\n\(date)\n\(scope)\n\(previous)\n\(emptyHash)\n\(hash)")
        }

        /// - Parameter hash: SHA-256 of the trailing fields, each `name:value\n`.
        package func signature(ofTrailerHash hash: String, after previous: String) -> String {
            key.signature(of: "AWS4-HMAC-SHA256-TRAILER\n\(date)\n\(scope)\n\(previous)\n\(hash)")
        }
    }

    /// Lower-case hexadecimal SHA-256.
    package static func hash(_ bytes: some Sequence<UInt8>) -> String {
        var hash = SHA256()
        if bytes.withContiguousStorageIfAvailable({ hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }) == nil {
            hash.update(data: Array(bytes))
        }
        return hexText(hash.finalize())
    }

    /// Compares in time that depends only on the lengths.
    package static func equalInConstantTime(_ a: String, _ b: String) -> Bool {
        let a = Array(a.utf8)
        let b = Array(b.utf8)
        guard a.count == b.count else { return false }
        var difference: UInt8 = 0
        for index in a.indices { difference |= a[index] ^ b[index] }
        return difference == 0
    }

    static func stringToSign(date: String, scope: String, canonicalRequest: String) -> String {
        "\(algorithm)\n\(date)\n\(scope)\n\(hash(canonicalRequest.utf8))"
    }

    private static func hmac(_ key: SymmetricKey, _ message: String) -> SymmetricKey {
        var code = HMAC<SHA256>(key: key)
        code.update(data: Array(message.utf8))
        return SymmetricKey(data: code.finalize())
    }
}
