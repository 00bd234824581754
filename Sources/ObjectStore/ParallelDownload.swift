extension ObjectStore {
    /// As `download`, but several ranges come at a time, where one connection is slower than the way to the store.
    ///
    /// - Parameters:
    ///   - rangeBytes: of each range but the last, and of the pieces that are handed over.
    ///   - rangesInFlightMax: at a time; each is in memory until it has been read.
    package func downloadInParallel(
        _ key: String, range: Range<Int64>? = nil, ifMatch: String? = nil, rangeBytes: Int = 8 << 20,
        rangesInFlightMax: Int = 4
    ) async throws -> any ObjectDownload {
        let rangeBytes = max(1, rangeBytes)
        let start = range?.lowerBound ?? 0
        // Short ranges, and those that `download` refuses, are its own.
        if let range, range.count <= rangeBytes || start < 0 { return try await download(key, range: range, ifMatch: ifMatch) }
        let first: ObjectRead
        do {
            first = try await get(key, range: start..<start + Int64(rangeBytes), ifMatch: ifMatch)
        } catch let error as ObjectStoreError where error.code == .invalidRange && range == nil {
            return try await download(key, range: nil, ifMatch: ifMatch)  // An empty object.
        }
        let end = min(range?.upperBound ?? .max, first.metadata.size)
        return ParallelDownload(
            of: self, first, rest: min(end, start + Int64(first.bytes.count))..<end, rangeBytes: rangeBytes,
            rangesInFlightMax: max(1, rangesInFlightMax))
    }
}

/// Ranges of one version of an object, read ahead and handed over in order.
private actor ParallelDownload: ObjectDownload {
    nonisolated let metadata: ObjectMetadata
    private let store: any ObjectStore
    private let rangeBytes: Int
    private let rangesInFlightMax: Int
    /// What has come and is next.
    private var ready: [UInt8]
    /// In order.
    private var coming: [Task<[UInt8], any Error>] = []
    /// Not asked for yet.
    private var rest: Range<Int64>

    init(of store: any ObjectStore, _ first: ObjectRead, rest: Range<Int64>, rangeBytes: Int, rangesInFlightMax: Int) {
        self.store = store
        metadata = first.metadata
        self.rangeBytes = rangeBytes
        self.rangesInFlightMax = rangesInFlightMax
        ready = first.bytes
        self.rest = rest
    }

    deinit { for task in coming { task.cancel() } }

    func read() async throws -> [UInt8]? {
        askForMore()
        if ready.isEmpty {
            guard let next = coming.first else { return nil }
            do {
                ready = try await withTaskCancellationHandler {
                    try await next.value
                } onCancel: {
                    next.cancel()
                }
            } catch {
                for task in coming { task.cancel() }
                (coming, rest) = ([], 0..<0)
                throw error
            }
            coming.removeFirst()
            askForMore()
        }
        defer { ready = [] }
        return ready
    }

    private func askForMore() {
        while coming.count < rangesInFlightMax, !rest.isEmpty {
            let range = rest.lowerBound..<min(rest.upperBound, rest.lowerBound + Int64(rangeBytes))
            rest = range.upperBound..<rest.upperBound
            coming.append(
                Task { [store, metadata] in
                    let read = try await store.get(metadata.key, range: range, ifMatch: metadata.etag)
                    guard read.bytes.count == range.count else {
                        throw ObjectStoreError(
                            .other("ShortRead"), "\(range.count) bytes were asked for, \(read.bytes.count) came.",
                            key: metadata.key)
                    }
                    return read.bytes
                })
        }
    }
}
