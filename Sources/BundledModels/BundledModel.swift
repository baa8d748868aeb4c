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

    /// The model that an argument names; nil where it is the path of a file.
    package init?(_ path: FilePath) {
        guard let model = Self(rawValue: path.string), !FileManager.default.fileExists(atPath: path.string) else {
            return nil
        }
        self = model
    }

    /// The file of the model, in the program's own memory.
    package var file: SafetensorsFile {
        get throws {
            var count = 0
            let bytes =
                switch self {
                case .unet: bundled_unet(&count)
                case .compact: bundled_compact(&count)
                }
            let data = Data(
                bytesNoCopy: UnsafeMutableRawPointer(mutating: bytes!), count: count, deallocator: .none)
            return try SafetensorsFile(data, path: FilePath(rawValue))
        }
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

    /// The model, with the SHA-256 digest of the bytes it was made from.
    package func load() throws -> (model: Model, sha256: String) {
        let file =
            switch self {
            case .file(let path): try SafetensorsFile(path: path)
            case .bundled(let model): try model.file
            }
        return (try Model(file), file.sha256)
    }
}
