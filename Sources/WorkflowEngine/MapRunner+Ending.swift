import JSONModel
import Logging
import StateStore
import StatesRuntime
import Support

// The end of a map run: children that run still are stopped, results are read or written, the execution is told.
extension MapRunner {
    /// Stops what runs, once.
    func stopChildren() {
        guard !isStopping else { return }
        isStopping = true
        for (ordinal, child) in children.sorted(by: { $0.key < $1.key }) {
            guard var express = child.express else {
                engine.post(PostedEvent(event: .stopRequested(error: nil, cause: nil)), to: child.executionArn)
                continue
            }
            express.pending.cancel()
            _ = remove(ordinal)
            express.record.status = .aborted
            express.record.stoppedAt = engine.clock.now()
            express.record.isRunnable = false
            finish(child, express.record)
        }
    }

    func succeed() async throws {
        let event: ExecutionEvent
        do {
            if start.writer?.parameters != nil {
                let output = try await export()
                event = .mapRunSucceeded(run.attempt, output: Payload(output))
            } else {
                event = .mapRunSucceeded(run.attempt, output: try await results())
            }
        } catch let failure as MapRunFailure {
            return try await hand(.mapRunFailed(run.attempt, error: failure.error, cause: failure.cause))
        }
        try await hand(event)
    }

    func end(_ failure: MapRunFailure) async throws {
        if start.writer?.parameters != nil {
            do {
                _ = try await export()
            } catch let writing as MapRunFailure {
                // The run's own failure tells more.
                engine.logger.warning(
                    "The results of a failed map run could not be written.",
                    metadata: ["mapRun": "\(run.arn)", "cause": "\(writing.cause ?? "")"])
            }
        }
        try await hand(.mapRunFailed(run.attempt, error: failure.error, cause: failure.cause))
    }

    /// Tells the execution the outcome, which it records together with what follows.
    private func hand(_ event: ExecutionEvent) async throws {
        try await engine.postAndWait(event, to: run.executionArn)
        receive(cell.take())
        // An execution that is over has no ear for it.
        if isCancelled { try await close() }
    }

    func close() async throws {
        try await engine.store.closeMapRun(arn: run.arn, redriveCount: run.redriveCount, at: engine.clock.now())
    }

    private func export() async throws -> JSONValue {
        guard let writer = start.writer, let parameters = writer.parameters else { return .null }
        guard let stores = engine.objects else {
            throw MapRunFailure.resultWriter("This server has no object store to write results to.")
        }
        let export = try ResultExport(run.arn, writer, parameters, stores)
        var last: Int64 = -1
        while true {
            let page = try await engine.store.children(ofMapRun: run.arn, afterOrdinal: last, limit: Self.batchMax)
            for child in page { try await export.add(child) }
            guard page.count == Self.batchMax, let ordinal = page.last?.mapRun?.ordinal else { break }
            last = ordinal
        }
        if failure != nil { try await exportPending(to: export) }
        let output = try await export.finish()
        try await engine.store.setResultsWritten(export.written, ofMapRun: run.arn)
        return output
    }

    /// Lists items that no child was started for.
    private func exportPending(to export: ResultExport) async throws {
        guard source != nil else { return }
        do {
            while let next = try await nextInput() { try await export.add(pendingInput: next.input.text) }
        } catch let error as MapRunFailure where error.error != "States.ResultWriterFailed" {
            return  // What cannot be read is why the run failed.
        }
    }

    /// The results in the order of the items; nil when they are larger than a result may be.
    private func results() async throws -> Payload? {
        var results = ResultArray(start.writer, bytesMax: payloadBytesMax)
        var last: Int64 = -1
        while true {
            let page = try await engine.store.children(ofMapRun: run.arn, afterOrdinal: last, limit: Self.batchMax)
            for child in page { guard try results.add(child) else { return nil } }
            guard page.count == Self.batchMax, let ordinal = page.last?.mapRun?.ordinal else { break }
            last = ordinal
        }
        return try results.payload()
    }
}
