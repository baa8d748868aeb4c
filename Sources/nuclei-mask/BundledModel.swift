import CBundledModel
import FoundationEssentials
import Foundations
import NeuralNetworks

extension Model {
    /// The name of the bundled model in messages and records.
    static let bundledName: FilePath = "nuclei-compact"

    /// The file of the bundled model, in the program's own memory.
    private static var bundledData: Data {
        var count = 0
        let bytes = UnsafeMutableRawPointer(mutating: bundled_model(&count)!)
        return Data(bytesNoCopy: bytes, count: count, deallocator: .none)
    }

    /// The model of a file or, without a path, the bundled model, with the SHA-256 digest of the bytes it was made from.
    static func load(pathOrBundled path: FilePath?) throws -> (model: Model, sha256: String) {
        let file = try path.map { try SafetensorsFile(path: $0) } ?? SafetensorsFile(bundledData, path: bundledName)
        return (try Model(file), file.sha256)
    }
}
