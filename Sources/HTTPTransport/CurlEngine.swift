import CCurl
import Support
import Synchronization

/// The thread that owns the multi handle and every easy handle in use.
///
/// Commands come through a list under a mutex and `curl_multi_wakeup`; libcurl is otherwise touched by the thread only.
final class CurlEngine: @unchecked Sendable {
    // Unchecked: outside the thread, `multi` is only given to `curl_multi_wakeup`, which libcurl allows, and under the
    // mutex that also guards its beginning and end; `transfers`, `idle` and `receivers` belong to the thread.
    private enum Command {
        case start(Transfer)
        case resume(Transfer)
        case cancel(Transfer)
        case stop
    }

    private struct Inbox {
        var commands: [Command] = []
        var isOpen = true
        /// Whether the thread waits for sockets, or is about to: only then it must be woken.
        var isWaiting = false
        /// Made, with its thread, for the first transfer: a program that makes none does not load libcurl.
        var multi: UnsafeMutableRawPointer?
    }

    let configuration: HTTPTransportConfiguration
    private let inbox = Mutex(Inbox())
    private var transfers: [UnsafeMutableRawPointer: Transfer] = [:]
    private var idle: [UnsafeMutableRawPointer] = []
    /// Those whose readers have not been told yet of what has come, each once.
    private var receivers: [Transfer] = []
    /// When the first of them got something.
    private var receiving = ContinuousClock.now

    /// For how long what has come may wait for more, so that a reader is not woken for each little.
    private static let patience = Duration.milliseconds(1)
    /// Easy handles kept for reuse: making one costs an allocation of several kilobytes.
    private static let idleHandlesMax = 64
    /// libcurl must be set up once per process, before its first use; nil when that has been done, else what failed.
    private static let setUpFailure: String? = {
        if let reason = millrace_curl_load() { return String(cString: reason) }
        let code = curl_global_init(Int(CURL_GLOBAL_ALL))
        return code == CURLE_OK ? nil : String(cString: curl_easy_strerror(code))
    }()

    init(_ configuration: HTTPTransportConfiguration) {
        self.configuration = configuration
    }

    func start(_ transfer: Transfer) {
        if let failure = post(.start(transfer)) { transfer.finish(.failure(failure)) }
    }

    func resume(_ transfer: Transfer) { _ = post(.resume(transfer)) }
    func cancel(_ transfer: Transfer) { _ = post(.cancel(transfer)) }
    func stop() { _ = post(.stop) }

    /// - Returns: why the command will not be carried out; nil when it will.
    private func post(_ command: Command) -> HTTPClientError? {
        inbox.withLock { inbox in
            guard inbox.isOpen else { return closed }
            switch command {
            case .start where inbox.multi == nil:
                if let failure = begin(&inbox) {
                    inbox.commands = []
                    return failure
                }
            case .stop where inbox.multi == nil:
                inbox.isOpen = false
                return nil
            // A transfer may be cancelled before it is started; the thread, once there, sees both.
            default: break
            }
            inbox.commands.append(command)
            if inbox.isWaiting, let multi = inbox.multi {
                inbox.isWaiting = false
                curl_multi_wakeup(multi)
            }
            return nil
        }
    }

    private func begin(_ inbox: inout Inbox) -> HTTPClientError? {
        if let failure = Self.setUpFailure { return HTTPClientError(.closed, mayHaveHappened: false, failure) }
        guard let multi = curl_multi_init() else { return noMemory }
        _ = millrace_curl_multi_set_long(
            multi, CURLMOPT_MAX_HOST_CONNECTIONS, configuration.connectionsPerHostMax)
        _ = millrace_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, configuration.idleConnectionsMax)
        inbox.multi = multi
        startThread(name: "http", stackBytes: 1 << 20) { [self] in run(UnsafeMutableRawPointer(multi)) }
        return nil
    }

    private var noMemory: HTTPClientError {
        HTTPClientError(.notConnected, mayHaveHappened: false, "libcurl has no memory left.")
    }

    private var closed: HTTPClientError {
        HTTPClientError(.closed, mayHaveHappened: false, "The HTTP transport has been shut down.")
    }

    private func run(_ multi: UnsafeMutableRawPointer) {
        var running: Int32 = 0
        while handleCommands(multi) {
            curl_multi_perform(multi, &running)
            finishCompleted(multi)
            handOver()
            let mayWait = inbox.withLock { inbox in
                inbox.isWaiting = inbox.commands.isEmpty
                return inbox.isWaiting
            }
            if mayWait { curl_multi_poll(multi, nil, 0, receivers.isEmpty ? 1000 : 1, nil) }
        }
        let rest = inbox.withLock { inbox in
            inbox.isOpen = false
            inbox.multi = nil
            defer { inbox.commands = [] }
            return inbox.commands
        }
        for easy in Array(transfers.keys) { remove(easy, multi)?.finish(.failure(closed)) }
        for case .start(let transfer) in rest { transfer.finish(.failure(closed)) }
        for easy in idle { curl_easy_cleanup(easy) }
        curl_multi_cleanup(multi)
    }

    /// False when the thread shall end.
    private func handleCommands(_ multi: UnsafeMutableRawPointer) -> Bool {
        let commands = inbox.withLock { inbox in
            inbox.isWaiting = false
            defer { inbox.commands = [] }
            return inbox.commands
        }
        for (index, command) in commands.enumerated() {
            switch command {
            case .start(let transfer): begin(transfer, multi)
            case .resume(let transfer):
                if let easy = transfer.easy { curl_easy_pause(easy, CURLPAUSE_CONT) }
            case .cancel(let transfer):
                transfer.isCancelled = true
                if let easy = transfer.easy { remove(easy, multi)?.finish(.failure(CancellationError())) }
            case .stop:
                for case .start(let transfer) in commands[(index + 1)...] { transfer.finish(.failure(closed)) }
                return false
            }
        }
        return true
    }

    private func begin(_ transfer: Transfer, _ multi: UnsafeMutableRawPointer) {
        guard !transfer.isCancelled else { return transfer.finish(.failure(CancellationError())) }
        guard let easy = idle.popLast() ?? curl_easy_init() else {
            return transfer.finish(.failure(noMemory))
        }
        do {
            try transfer.prepare(easy, configuration)
        } catch {
            recycle(easy)
            return transfer.finish(.failure(error))
        }
        transfers[easy] = transfer
        let code = curl_multi_add_handle(multi, easy)
        guard code == CURLM_OK else {
            transfers[easy] = nil
            transfer.release()
            recycle(easy)
            return transfer.finish(
                .failure(
                    HTTPClientError(
                        .notConnected, mayHaveHappened: false, String(cString: curl_multi_strerror(code)))))
        }
    }

    private func finishCompleted(_ multi: UnsafeMutableRawPointer) {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            let code = message.pointee.data.result
            guard let transfer = transfers[easy] else { continue }
            let outcome = transfer.outcome(code, easy)
            _ = remove(easy, multi)
            transfer.finish(outcome)
        }
    }

    /// On the thread, while libcurl works.
    func hasReceived(_ transfer: Transfer) {
        guard !transfer.isReceiver else { return }
        if receivers.isEmpty { receiving = ContinuousClock.now }
        transfer.isReceiver = true
        receivers.append(transfer)
    }

    private func handOver() {
        if receivers.isEmpty { return }
        let isLate = ContinuousClock.now - receiving >= Self.patience
        receivers.removeAll { receiver in
            receiver.isReceiver = !receiver.handOver(evenLittle: isLate)
            return !receiver.isReceiver
        }
    }

    private func remove(_ easy: UnsafeMutableRawPointer, _ multi: UnsafeMutableRawPointer) -> Transfer? {
        curl_multi_remove_handle(multi, easy)
        let transfer = transfers.removeValue(forKey: easy)
        transfer?.release()
        recycle(easy)
        return transfer
    }

    private func recycle(_ easy: UnsafeMutableRawPointer) {
        if idle.count < Self.idleHandlesMax {
            curl_easy_reset(easy)
            idle.append(easy)
        } else {
            curl_easy_cleanup(easy)
        }
    }
}
