import ObjectStore

extension S3ObjectStore {
    /// Creates the bucket; one of our own that exists is as good.
    ///
    /// - Throws: `ObjectStoreError`, such as `.other("BucketAlreadyExists")` for somebody else's.
    package func createBucket() async throws {
        do {
            _ = try await connection.send(S3Request(method: "PUT"))
        } catch let error as ObjectStoreError where error.code == .other("BucketAlreadyOwnedByYou") {
            return
        }
    }
}
