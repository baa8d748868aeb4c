import ArgumentParser
import Console
import Files
import Foundation
import Imaging

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

    /// The files that it names.
    var files: [String] { if case .outline(let path) = self { [path] } else { [] } }

    /// Where to look in an image, nil for everywhere; says so in a line.
    func map(of image: any BlockReader) throws(FileError) -> TissueMap? {
        switch self {
        case .off: return nil
        case .outline(let path):
            let map = try TissueMap(outline: path, imageWidth: image.imageWidth, imageHeight: image.imageHeight)
            Terminal.printLine(
                String(format: "%@: tissue on %.1f %%, by %@", image.path, map.share * 100, path))
            return map
        case .auto:
            guard let slide = image.slide else { return nil }
            do {
                guard let finding = try TissueMap.find(image.path, slide) else {
                    Terminal.printLine("\(image.path): its smallest level is too large to look for tissue there")
                    return nil
                }
                Terminal.printLine(
                    String(
                        format: "%@: tissue on %.1f %% (level %d, colour above %d of 255)", image.path,
                        finding.map.share * 100, finding.level, finding.threshold))
                return finding.map
            } catch  where error.kind == .malformed {
                // A damaged overview must not keep the rest of a slide from being looked at.
                Terminal.printLine("\(image.path): tissue cannot be told, all is looked at: \(error.problem)")
                return nil
            }
        }
    }
}
