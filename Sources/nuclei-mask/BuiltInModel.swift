import CBundledModel
import Foundations
import Foundation
import NeuralNetworks

extension Model {
    /// What messages call the model that is part of the program.
    static let builtInName = "nuclei-compact"

    /// The bytes of the model that is part of the program.
    private static var builtIn: UnsafeRawBufferPointer {
        var count = 0
        let bytes = bundled_model(&count)!
        return UnsafeRawBufferPointer(start: bytes, count: count)
    }

    /// The model in a file or, without a path, the one that is part of the program.
    init(pathOrBuiltIn path: FilePath?) throws {
        if let path {
            try self.init(path: path)
            return
        }
        let bytes = Self.builtIn
        let data = Data(
            bytesNoCopy: UnsafeMutableRawPointer(mutating: bytes.baseAddress!), count: bytes.count, deallocator: .none)
        try self.init(SafetensorsFile(data, path: FilePath(Self.builtInName)))
    }

    /// The SHA-256 digest of that file.
    static func digest(ofPathOrBuiltIn path: FilePath?) throws(FileError) -> String {
        guard let path else { return SHA256.digest(of: builtIn) }
        return try SHA256.digest(ofFile: path)
    }
}
