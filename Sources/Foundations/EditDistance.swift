/// The fewest insertions, deletions, substitutions and swaps of neighbors that turn one text into the other (optimal
/// string alignment).
package func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var rows = [[Int](), [Int](), Array(0...b.count)]
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            let isEqual = a[i] == b[j]
            var distance = min(rows[2][j + 1] + 1, row[j] + 1, rows[2][j] + (isEqual ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { distance = min(distance, rows[1][j - 1] + 1) }
            row.append(distance)
        }
        rows = [rows[1], rows[2], row]
    }
    return rows[2][b.count]
}

/// The candidate that a mistyped name most likely means; nil if none is close enough. Case does not count. Names whose
/// numbers differ are different things, not mistakes.
package func nearestName(to name: String, among candidates: some Sequence<String>) -> String? {
    let allowed = min(2, max(1, name.count / 3))
    func digits(_ text: String) -> String { text.filter(\.isNumber) }
    let (lower, numbers) = (name.lowercased(), digits(name))
    return candidates.lazy.filter { abs($0.count - name.count) <= allowed && digits($0) == numbers }
        .map { (name: $0, distance: editDistance(lower, $0.lowercased())) }
        .filter { $0.distance <= allowed }
        .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
}
