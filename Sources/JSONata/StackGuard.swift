#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Tells when an evaluation has used its share of the thread's stack: half of what new threads get, as whoever asked for
/// the evaluation stands on the same stack.
struct StackGuard {
    private let start: UInt

    private static let share: UInt = {
        var attributes = pthread_attr_t()
        guard pthread_attr_init(&attributes) == 0 else { return 256 << 10 }
        defer { pthread_attr_destroy(&attributes) }
        var size = 0
        guard pthread_attr_getstacksize(&attributes, &size) == 0, size > 0 else { return 256 << 10 }
        return UInt(min(size / 2, 4 << 20))
    }()

    init() { start = Self.address }

    private static var address: UInt {
        var here = 0
        return withUnsafeMutablePointer(to: &here) { UInt(bitPattern: $0) }
    }

    var isLow: Bool {
        let here = Self.address
        return here < start && start - here > Self.share
    }
}
