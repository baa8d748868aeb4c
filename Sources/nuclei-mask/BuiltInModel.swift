import CBundledModel
import Foundation
import NeuralNetworks

extension Model {
    /// What messages call the model that is part of the program.
    static let builtInName = "nuclei-compact"

    /// The model in a file or, without a path, the one that is part of the program.
    init(pathOrBuiltIn path: String?) throws {
        if let path {
            try self.init(path: path)
            return
        }
        var count = 0
        let bytes = UnsafeMutableRawPointer(mutating: bundled_model(&count)!)
        let data = Data(bytesNoCopy: bytes, count: count, deallocator: .none)
        try self.init(SafetensorsFile(data, path: Self.builtInName))
    }
}
