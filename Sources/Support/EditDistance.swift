/// How many bytes must be put in, taken out or replaced to make one text the other, and how many neighbours be swapped
/// (each counts as one). Only the first 64 bytes of either count.
package func editDistance(_ a: String, _ b: String) -> Int {
    let x = Array(a.utf8.prefix(64))
    let y = Array(b.utf8.prefix(64))
    var beforeLast = [Int](repeating: 0, count: y.count + 1)
    var last = Array(0...y.count)
    for i in 0..<x.count {
        var row = [i + 1]
        for j in 0..<y.count {
            var least = min(last[j] + (x[i] == y[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
            if i > 0, j > 0, x[i] == y[j - 1], x[i - 1] == y[j] { least = min(least, beforeLast[j - 1] + 1) }
            row.append(least)
        }
        (beforeLast, last) = (last, row)
    }
    return last[y.count]
}
