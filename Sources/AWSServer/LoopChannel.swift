import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// Runs what answers a connection on the event loop that reads it, so that a request whose answer is at hand never waits
/// for another thread to wake up.
struct LoopChannel<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    let memory: FreedMemory

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let operations = channel.pipeline.syncOperations
            let decoder = try operations.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try operations.addHandler(LastRequestHandler(), position: .after(decoder))
            return value
        }
    }

    func handle(value: Base.Value, logger: Logger) async {
        let loop = value.channel.eventLoop
        await withTaskExecutorPreference(LoopExecutor(loop: loop)) {
            await base.handle(value: value, logger: logger)
        }
        memory.connectionClosed(on: loop)
    }
}

private final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
