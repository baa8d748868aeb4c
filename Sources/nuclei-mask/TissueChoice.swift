import ArgumentParser
import Foundation
import Foundations
import Imaging
import Masking

/// What `--tissue` can be.
enum TissueChoice: ExpressibleByArgument {
    case auto
    case off
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

    /// The outline that it names for an image: `{}` stands for the image's name, as in the names of what is written.
    func file(for image: FilePath, _ names: OutputNames) -> FilePath? {
        guard case .outline(let path) = self else { return nil }
        return path.contains(OutputNames.placeholder) ? names.resolve(path, for: image) : FilePath(path)
    }

    /// What decides where to look in an image: the choice, or the digest of the outline.
    func identity(for image: FilePath, _ names: OutputNames) throws(FileError) -> String {
        if let path = file(for: image, names) { return try SHA256.digest(ofFile: path) }
        return if case .off = self { "off" } else { "auto" }
    }

    /// Where to look in an image, nil for everywhere; `say` gets a line about it.
    func map(
        of image: any BlockReader, _ names: OutputNames, say: (String) -> Void
    ) throws(FileError) -> TissueMap? {
        switch self {
        case .off: return nil
        case .outline:
            let path = file(for: image.path, names)!
            let map = try TissueMap(outline: path, imageWidth: image.imageWidth, imageHeight: image.imageHeight)
            say(String(format: "tissue on %.1f %%, by %@", map.share * 100, path.string))
            return map
        case .auto:
            guard let slide = image.slide else { return nil }
            do {
                guard let finding = try TissueMap.detect(image.path, slide) else {
                    say("its smallest level is too large to look for tissue there")
                    return nil
                }
                say(
                    String(
                        format: "tissue on %.1f %% (level %d, colour above %d of 255)", finding.map.share * 100,
                        finding.level, finding.threshold))
                return finding.map
            } catch  where error.kind == .malformed {
                // A damaged overview must not keep the rest of a slide from being looked at.
                say("tissue cannot be told, all is looked at: \(error.problem)")
                return nil
            }
        }
    }
}
