/// Which touching objects are parts of one nucleus.
///
/// Two objects are a pair if their union is nearly convex and they share a long border. They are joined if each is the
/// best partner of the other. So what happens to an object depends on its partners and theirs only, all of which a block
/// has in its margin, because the sides of a union are limited.
struct NucleusJoining {
    private let settings: NucleusSettings.Joining
    private let largest: Int
    private let longest: Int

    /// `largest` and `longest` limit a union: its area, and the sides of its bounding box, in pixels.
    init(_ settings: NucleusSettings.Joining, largest: Int, longest: Int) {
        (self.settings, self.largest, self.longest) = (settings, largest, longest)
    }

    /// Labels of objects to join, each in one pair.
    func pairs(
        _ objects: [NucleusObjects.Object], _ labels: NucleusLabels, _ contacts: NucleusContacts
    ) -> [(Int32, Int32)] {
        var partners = [Int32: (label: Int32, solidity: Double)]()
        for (a, b, length) in contacts.borders() {
            let union = objects[Int(a)].joined(with: objects[Int(b)])
            guard union.area <= largest, max(union.right - union.left, union.bottom - union.top) < longest else {
                continue
            }
            let smaller = Double(min(objects[Int(a)].area, objects[Int(b)].area))
            guard length >= settings.contact * 2 * (smaller / .pi).squareRoot() else { continue }
            let found = Self.solidity(of: a, b, union, labels)
            guard found >= settings.solidity else { continue }
            for (one, other) in [(a, b), (b, a)] where found > partners[one]?.solidity ?? 0 {
                partners[one] = (other, found)
            }
        }
        return partners.filter { $0.key < $0.value.label && partners[$0.value.label]?.label == $0.key }
            .map { ($0.key, $0.value.label) }
    }

    /// The pixels of a union as a share of those in the convex hull of their centers.
    private static func solidity(
        of a: Int32, _ b: Int32, _ union: NucleusObjects.Object, _ labels: NucleusLabels
    ) -> Double {
        var hull = ConvexHull()
        for y in union.top...union.bottom {
            let row = labels.labels.baseAddress! + labels.position(x: 0, y: y)
            var (first, last) = (union.left, union.right)
            while row[first] != a, row[first] != b { first += 1 }
            while row[last] != a, row[last] != b { last -= 1 }
            hull.add(row: y, first: first, last: last)
        }
        return Double(union.area) / Double(hull.pointCount)
    }
}

/// Pairs of adjacent pixels of different objects.
struct NucleusContacts {
    /// The smaller label in the upper half.
    private var pairs = [UInt64]()

    /// Adds two labels of adjacent pixels, in any order. The same label or background are no contact.
    mutating func add(_ a: Int32, _ b: Int32) {
        if a == b || a == 0 || b == 0 { return }
        pairs.append(UInt64(min(a, b)) << 32 | UInt64(max(a, b)))
    }

    /// The objects that touch, in the order of their labels, and the lengths of their borders in pixels.
    func borders() -> [(Int32, Int32, length: Double)] {
        var counts = [UInt64: Int]()
        for pair in pairs { counts[pair, default: 0] += 1 }
        // A line of length 1 has 4 / pi such pairs of pixels in the mean over all directions.
        return counts.sorted { $0.key < $1.key }.map {
            (Int32($0.key >> 32), Int32($0.key & 0xFFFF_FFFF), .pi / 4 * Double($0.value))
        }
    }
}
