import Foundations
import Imaging

/// The image files that this program writes. They state so, and are not masked themselves.
package enum WrittenImage {
    private static let name = "nuclei"

    /// Extensions of the formats that are written, in lower case.
    static let fileExtensions: Set = ["png", "jpg", "jpeg", "tif", "tiff"]

    /// Name and version in the files that are written: "nuclei 0.1.0".
    package static func software(version: String) -> String { "\(name) \(version)" }

    /// The software that an image states, where that is this program in any version; else nil.
    static func software(of path: FilePath) -> String? {
        guard let stated = statedSoftware(of: path) else { return nil }
        let words = stated.split(separator: " ")
        return words.count == 2 && words[0] == name && words[1].first?.isNumber == true ? stated : nil
    }
}
