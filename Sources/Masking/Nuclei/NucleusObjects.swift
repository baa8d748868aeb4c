import Imaging

/// The labeled objects of a block: where they are, and which of them are nuclei.
struct NucleusObjects {
    struct Object {
        /// Bounding box in pixels of the block, with the first row and column and the last ones.
        var left = Int.max
        var right = Int.min
        var top = Int.max
        var bottom = Int.min
        var area = 0
        var sumX = 0
        var sumY = 0
        /// Whether the object can be a nucleus. Only these keep other objects from their pixels.
        var isNucleus = true

        /// The centroid, rounded down.
        var anchor: (x: Int, y: Int) { (sumX / area, sumY / area) }

        /// The bounding box and the sums of both objects.
        func joined(with other: Object) -> Object {
            var union = self
            union.left = min(left, other.left)
            union.right = max(right, other.right)
            union.top = min(top, other.top)
            union.bottom = max(bottom, other.bottom)
            union.area += other.area
            union.sumX += other.sumX
            union.sumY += other.sumY
            return union
        }
    }

    /// By label. The first stands for the background. Those whose pixels another one got have an area of 0.
    private(set) var objects: [Object]

    subscript(label: Int32) -> Object { objects[Int(label)] }

    /// Measures the objects, joins the parts of nuclei, fills holes, and drops the objects that cannot be nuclei. Areas are
    /// in pixels.
    init(_ labels: NucleusLabels, smallest: Int, largest: Int, joining: NucleusJoining?) {
        objects = Array(repeating: Object(), count: labels.count + 1)
        objects[0].isNucleus = false
        var contacts = NucleusContacts()
        for y in 0..<labels.height { measure(row: y, labels, &contacts) }
        for (label, part) in joining?.pairs(objects, labels, contacts) ?? [] {
            labels.replace(part, by: label, in: objects[Int(part)])
            objects[Int(label)] = objects[Int(label)].joined(with: objects[Int(part)])
            objects[Int(part)] = Object()
        }
        var hollow = HoleFiller()
        for label in objects.indices.dropFirst() {
            let box = objects[label]
            if 1...largest ~= box.area {
                for hole in hollow.fill(label: Int32(label), box, labels) {
                    objects[label].area += 1
                    objects[label].sumX += hole.x
                    objects[label].sumY += hole.y
                }
            }
            objects[label].isNucleus = smallest...largest ~= objects[label].area
        }
    }

    private mutating func measure(row y: Int, _ labels: NucleusLabels, _ contacts: inout NucleusContacts) {
        let row = labels.labels.baseAddress! + labels.position(x: 0, y: y)
        let above = row - labels.stride
        objects.withUnsafeMutableBufferPointer { objects in
            var x = 0
            while x < labels.width {
                let label = row[x]
                if label == 0 {
                    x += 1
                    continue
                }
                let start = x
                while x < labels.width, row[x] == label {
                    contacts.add(label, above[x])
                    x += 1
                }
                contacts.add(label, row[x])
                let object = objects.baseAddress! + Int(label)
                object.pointee.left = min(object.pointee.left, start)
                object.pointee.right = max(object.pointee.right, x - 1)
                object.pointee.top = min(object.pointee.top, y)
                object.pointee.bottom = y
                object.pointee.area += x - start
                object.pointee.sumX += (start + x - 1) * (x - start) / 2
                object.pointee.sumY += y * (x - start)
            }
        }
    }

    /// The objects that belong to the core, in the order of their anchors. All rectangles are in pixels of the block.
    ///
    /// An object that touches a border of the block inside the image is larger than the margin, as are those that extend
    /// that far from their anchor: they are not nuclei.
    func anchored(in core: PixelRegion, margin: Int, isCut: (Object) -> Bool) -> [Int32] {
        let found = objects.indices.dropFirst().filter { label in
            let object = objects[label]
            guard object.isNucleus, !isCut(object) else { return false }
            let (x, y) = object.anchor
            let reach = max(max(x - object.left, object.right - x), max(y - object.top, object.bottom - y))
            return reach <= margin - 2 && (core.x..<core.right).contains(x) && (core.y..<core.bottom).contains(y)
        }
        return found.sorted {
            let (a, b) = (objects[$0].anchor, objects[$1].anchor)
            return (a.y, a.x, $0) < (b.y, b.x, $1)
        }.map { Int32($0) }
    }
}

/// Gives the holes of objects to them: background that they enclose.
private struct HoleFiller {
    /// Pixels of a bounding box with a frame: 1 for the object, 2 for what is connected to the frame.
    private var box = [UInt8]()
    private var stack = [Int]()

    /// Fills the holes of an object; returns their pixels.
    mutating func fill(
        label: Int32, _ object: NucleusObjects.Object, _ labels: NucleusLabels
    ) -> [(x: Int, y: Int)] {
        if !hasGaps(label, object, labels) { return [] }
        let (width, height) = (object.right - object.left + 3, object.bottom - object.top + 3)
        box.removeAll(keepingCapacity: true)
        box += repeatElement(0, count: width * height)
        for y in object.top...object.bottom {
            let row = labels.position(x: 0, y: y)
            let line = (y - object.top + 1) * width + 1 - object.left
            for x in object.left...object.right where labels.labels[row + x] == label { box[line + x] = 1 }
        }
        stack.append(0)
        box[0] = 2
        while let place = stack.popLast() {
            for other in [place - width, place - 1, place + 1, place + width]
            where box.indices.contains(other) && box[other] == 0 {
                box[other] = 2
                stack.append(other)
            }
        }
        var filled = [(x: Int, y: Int)]()
        for y in object.top...object.bottom {
            for x in object.left...object.right where box[(y - object.top + 1) * width + x - object.left + 1] == 0 {
                let pixel = labels.position(x: x, y: y)
                // Other objects inside stay.
                guard labels.labels[pixel] == 0 else { continue }
                labels.labels[pixel] = label
                filled.append((x, y))
            }
        }
        return filled
    }

    /// Whether a row of the object has a gap. Without one, there is no hole.
    private func hasGaps(_ label: Int32, _ object: NucleusObjects.Object, _ labels: NucleusLabels) -> Bool {
        for y in object.top...object.bottom {
            let row = labels.labels.baseAddress! + labels.position(x: 0, y: y)
            var (first, last) = (object.left, object.right)
            while first <= last, row[first] != label { first += 1 }
            while last > first, row[last] != label { last -= 1 }
            while first <= last {
                if row[first] != label { return true }
                first += 1
            }
        }
        return false
    }
}
