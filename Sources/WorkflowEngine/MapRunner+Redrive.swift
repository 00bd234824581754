import StateStore
import StatesRuntime
import Support

// A redriven map run: children that have not succeeded go on, or run again as a whole.
extension MapRunner {
    /// Sees to the next of them.
    func redriveChildren() async throws {
        let limit = min(room, Self.batchMax)
        let page = try await engine.store.childrenToRedrive(
            ofMapRun: run.arn, afterOrdinal: redrivenOrdinal, limit: limit)
        redrivenOrdinal = page.last?.mapRun?.ordinal ?? redrivenOrdinal
        isRedriveLeft = page.count == limit
        if isExpress {
            try await repeatExpress(page)
        } else if !page.isEmpty {
            try await redriveStandard(page)
        }
        showRunning()
    }

    private func redriveStandard(_ page: [ExecutionRecord]) async throws {
        let now = engine.clock.now()
        var redrives = ChildRedrives(mapRunArn: run.arn, redriveCount: run.redriveCount)
        var begun: [ExecutionRecord] = []
        for child in page {
            if engine.redriveObstacle(child) != nil {
                redrives.refused.append(child.arn)
                count(child.status, child.mapRun?.itemCount ?? 0)
                continue
            }
            var own = child.redrives
            own.count += 1
            own.date = now
            redrives.children.append((child.arn, child.revision, own))
            begun.append(child)
        }
        try await engine.store.redriveChildren(redrives)
        for child in begun {
            guard let membership = child.mapRun else { continue }
            add(
                Child(
                    executionArn: child.arn, itemCount: membership.itemCount, cursor: cursor,
                    redriveCount: run.redriveCount), membership.ordinal)
            engine.resume(child.arn)
        }
    }

    private func repeatExpress(_ page: [ExecutionRecord]) async throws {
        for child in page {
            guard let membership = child.mapRun else { continue }
            let input = ChildInput(
                ordinal: membership.ordinal, input: try Payload(parsing: child.input), itemCount: membership.itemCount,
                cursor: cursor)
            startExpress(record(input), input.input, cursor: cursor, isRepeated: true)
        }
        _ = try await writeFinished()
    }
}
