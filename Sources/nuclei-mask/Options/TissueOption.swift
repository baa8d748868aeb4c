import ArgumentParser
import Foundations
import Masking

/// The value of `--tissue`.
enum TissueOption: ExpressibleByArgument {
    case auto
    case off
    /// A file, with `{}` for the name of the image.
    case outline(String)

    init?(argument: String) {
        switch argument {
        case "auto": self = .auto
        case "off": self = .off
        case let path where path.contains("."): self = .outline(path)
        default: return nil
        }
    }

    var defaultValueDescription: String { "auto" }

    /// The file with the outline for an image; nil without one.
    func file(for image: FilePath, _ names: OutputNames) -> FilePath? {
        guard case .outline(let path) = self else { return nil }
        return path.contains(OutputNames.placeholder) ? names.resolve(path, for: image) : FilePath(path)
    }

    func source(for image: FilePath, _ names: OutputNames, classes: [String]) -> TissueSource {
        if let path = file(for: image, names) { return .outline(path, classes: classes) }
        return if case .off = self { .everywhere } else { .automatic }
    }
}
