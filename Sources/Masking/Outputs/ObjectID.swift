import Foundations

/// Names of objects in an image that are the same in every file, so that importing a file twice makes no doubles.
package struct ObjectID: Sendable {
    private let image: String

    /// Names in an image that `image` tells from others.
    package init(image: String) { self.image = image }

    /// A name-based UUID (version 8 of RFC 9562) of the image and of a text that tells an object from others in it.
    package func uuid(_ object: String) -> String {
        var digits = Array(SHA256.digest(of: "\(image)\n\(object)").utf8.prefix(32))
        digits[12] = UInt8(ascii: "8")
        // The variant: one of 8, 9, a and b.
        digits[16] = Array("89ab".utf8)[Int(digits[16]) % 4]
        for place in [20, 16, 12, 8] { digits.insert(UInt8(ascii: "-"), at: place) }
        return String(decoding: digits, as: UTF8.self)
    }

    /// The UUID of a nucleus, which depends on its pixels.
    package func uuid(_ nucleus: Nucleus) -> String {
        uuid(nucleus.runs.map { "\($0.row) \($0.pixels.lowerBound) \($0.pixels.count)" }.joined(separator: ","))
    }

    /// The UUID of a region, which depends on its corners.
    package func uuid(_ polygon: Polygon) -> String {
        uuid(polygon.rings.map { $0.map { "\($0.x) \($0.y)" }.joined(separator: ",") }.joined(separator: ";"))
    }
}

extension OutputJob {
    /// Names of objects in the image. They depend on its file's name and size, not on its folder, and on its size in
    /// pixels. A copy that is read in its place has another name.
    var ids: ObjectID {
        let path = request.copy == nil ? image.path : request.image
        let bytes = (try? path.stat().size) ?? 0
        return ObjectID(image: "\(path.name) \(bytes) \(image.width) \(image.height)")
    }
}
