import CBundledModel
import FoundationEssentials
import Foundations
import NeuralNetworks

extension Model {
    /// The name of the bundled model in messages and records.
    static let bundledName: FilePath = "nuclei-compact"

    /// The file of the bundled model, in the program's own memory.
    private static var bundled: UnsafeRawBufferPointer {
        var count = 0
        let bytes = bundled_model(&count)!
        return UnsafeRawBufferPointer(start: bytes, count: count)
    }

    /// Loads a model file or, without a path, the bundled model.
    init(pathOrBundled path: FilePath?) throws {
        if let path {
            try self.init(path: path)
            return
        }
        let bytes = Self.bundled
        let data = Data(
            bytesNoCopy: UnsafeMutableRawPointer(mutating: bytes.baseAddress!), count: bytes.count, deallocator: .none)
        try self.init(SafetensorsFile(data, path: Self.bundledName))
    }

    /// The SHA-256 digest of a model file or, without a path, of the bundled model.
    static func digest(ofPathOrBundled path: FilePath?) throws(FileError) -> String {
        guard let path else { return SHA256.digest(of: bundled) }
        return try SHA256.digest(ofFile: path)
    }
}
