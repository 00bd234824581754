/// The indices of names in the order in which a Java `HashMap` gives them, filled in the order of `names`.
///
/// The service writes the members of a CSV row in that order: columns `0`, `True` and `{}` come as `0`, `{}`, `True`. It
/// shows in every text with a row in it, such as an execution's input and output, so a row's members stand as they do there.
///
/// 1. A name's hash is Java's of a string, in UTF-16, with its upper half folded into the lower.
/// 2. Its bucket is the hash modulo the buckets: 16 of them, twice as many whenever three quarters are outnumbered.
/// 3. Names of one bucket stand as they came. (A bucket that outgrows eight names has another order in Java; with so few
///    names to a bucket it takes a file made for it.)
///
/// - Parameter names: without duplicates.
/// - Source: OpenJDK, `java.util.HashMap` and `String.hashCode`; Step Functions, "ItemReader", inputs of child executions.
func hashMapOrder(of names: [String]) -> [Int] {
    var buckets: UInt32 = 16
    while names.count > Int(buckets) / 4 * 3 { buckets *= 2 }
    let bucketOfName = names.map { name in
        let hash = name.utf16.reduce(0 as UInt32) { $0 &* 31 &+ UInt32($1) }
        return (hash ^ (hash >> 16)) & (buckets - 1)
    }
    return names.indices.sorted { (bucketOfName[$0], $0) < (bucketOfName[$1], $1) }
}
