#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Blocks the calling thread, which must not be one of the cooperative pool.
func pause(milliseconds: Int) {
    var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
    var left = timespec()
    while nanosleep(&time, &left) != 0 && errno == EINTR { time = left }
}
