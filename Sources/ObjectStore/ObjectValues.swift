package import Support

/// What a store knows of an object without reading it.
package struct ObjectMetadata: Sendable, Hashable {
    package var key: String
    /// Bytes.
    package var size: Int64
    /// Opaque, without quotes; differs for different contents of one key.
    package var etag: String
    package var lastModified: Timestamp

    package init(key: String, size: Int64, etag: String, lastModified: Timestamp) {
        self.key = key
        self.size = size
        self.etag = etag
        self.lastModified = lastModified
    }
}

/// An object's bytes, or those of the range asked for.
package struct ObjectRead: Sendable {
    /// Of the whole object, whatever the range.
    package var metadata: ObjectMetadata
    package var bytes: [UInt8]

    package init(metadata: ObjectMetadata, bytes: [UInt8]) {
        self.metadata = metadata
        self.bytes = bytes
    }
}

/// What must hold for a put to take effect, decided by the store in one step with the effect.
package enum PutCondition: Sendable, Hashable {
    case none
    /// No object has this key.
    case ifAbsent
    /// The key's object has this ETag.
    case ifMatch(String)
}

/// One page of a listing.
package struct ObjectPage: Sendable, Hashable {
    /// Ascending by UTF-8 bytes of the key.
    package var objects: [ObjectMetadata]
    /// With a delimiter: the prefixes up to and including it under which there are further keys, each once,
    /// ascending; their objects are not in `objects`.
    package var prefixes: [String]

    package init(objects: [ObjectMetadata] = [], prefixes: [String] = []) {
        self.objects = objects
        self.prefixes = prefixes
    }
}

/// The pages of one listing, asked for one after another.
package struct ObjectPages: AsyncSequence, Sendable {
    package typealias Element = ObjectPage
    let nextPage: @Sendable () async throws -> ObjectPage?

    /// - Parameter next: gives the pages in order, then nil; called by one task at a time.
    package init(next: @escaping @Sendable () async throws -> ObjectPage?) { nextPage = next }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let nextPage: @Sendable () async throws -> ObjectPage?
        package mutating func next() async throws -> ObjectPage? { try await nextPage() }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(nextPage: nextPage) }
}

/// Why a store did not do what was asked.
package struct ObjectStoreError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// No object has the key.
        case notFound
        /// The condition of a put, or the ETag of a get, does not hold. Nothing was changed.
        case preconditionFailed
        /// Another writer of the same key was under way, or the key cannot exist beside another. Nothing was changed;
        /// the same call may succeed later.
        case conflict
        /// The answer to a conditional put was lost: it may or may not have taken effect. Read back to find out.
        case ambiguous
        case accessDenied
        case noSuchBucket
        /// The range begins at or after the end of the object.
        case invalidRange
        /// The store cannot have an object of that key.
        case invalidKey
        /// The store could not be reached or refused for now, and retrying did not help. An unconditional put or a
        /// delete may have taken effect.
        case unavailable
        /// By the store's own name.
        case other(String)
    }

    package var code: Code
    /// One sentence: what was found, what was expected.
    package var message: String
    package var key: String

    package init(_ code: Code, _ message: String, key: String) {
        self.code = code
        self.message = message
        self.key = key
    }

    /// The message, after the key where it does not name it.
    package var description: String { key.isEmpty || message.contains(key) ? message : "'\(key)': \(message)" }

    package static func notFound(_ key: String) -> ObjectStoreError {
        ObjectStoreError(.notFound, "There is no object '\(key)'.", key: key)
    }
}

/// Orders keys as listings do: by UTF-8 bytes. `String`'s own order and equality are Unicode's.
package func keyPrecedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

/// Whether both are the same bytes.
package func keysEqual(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }
