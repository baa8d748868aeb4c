import CBundledModel
import FoundationEssentials
import Foundations
import NeuralNetworks

/// A model that is compiled into the program. Raw values are the names in options, messages and records.
package enum BundledModel: String, CaseIterable {
    /// Outlines nuclei.
    case unet = "nuclei-unet"
    /// Classifies windows.
    case compact = "nuclei-compact"

    /// The model that an argument names; nil where it is the path of a file. A file of such a name is `./nuclei-unet`.
    package init?(_ path: FilePath) { self.init(rawValue: path.string) }

    /// The bytes of its file, in the program's own memory.
    fileprivate var data: Data {
        var count = 0
        let bytes =
            switch self {
            case .unet: bundled_unet(&count)
            case .compact: bundled_compact(&count)
            }
        return Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: bytes!), count: count, deallocator: .none)
    }
}

/// A model that a command names.
package enum ModelChoice {
    case file(FilePath)
    case bundled(BundledModel)

    /// A bundled model where the argument names one, else a file.
    package init(_ argument: FilePath) { self = BundledModel(argument).map { .bundled($0) } ?? .file(argument) }

    /// Nil for a bundled model.
    package var file: FilePath? {
        if case .file(let path) = self { path } else { nil }
    }

    /// Its path or name.
    package var path: FilePath {
        switch self {
        case .file(let path): path
        case .bundled(let model): FilePath(model.rawValue)
        }
    }

    /// The bytes of its file. Throws `FileError`.
    package var data: Data {
        get throws(FileError) {
            switch self {
            case .file(let path): try FileBytes.data(path)
            case .bundled(let model): model.data
            }
        }
    }

    /// Its tensors and metadata. Throws `FileError`.
    package func open() throws(FileError) -> SafetensorsFile {
        switch self {
        case .file(let path): try SafetensorsFile(path: path)
        case .bundled(let model): try SafetensorsFile(model.data, path: path)
        }
    }

    /// The model, with the SHA-256 digest of the bytes it was made from.
    package func load() throws -> (model: Model, sha256: String) {
        let file = try open()
        return (try Model(file), file.sha256)
    }
}
