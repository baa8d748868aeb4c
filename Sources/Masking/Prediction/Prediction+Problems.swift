import Foundations

extension MaskFindings {
    package var hasReadablePart: Bool { units.predicted > 0 }

    /// Throws `malformed` where there was work and nothing could be decoded.
    func requireReadable(_ image: FilePath) throws(FileError) {
        let units = units
        guard !hasReadablePart, units.unreadable > 0 else { return }
        throw .nothingReadable(image, count: units.unreadable, problem)
    }

    /// Objects from which pale ones may be the nuclei of another stain, not some fibers.
    private static var manyPale: Int { 20 }

    /// Problems of the mask or the image, one line each.
    func warnings(_ tissue: TissueSource, _ results: MaskResults) -> [String] {
        let summary = results.summary
        var warnings = [String]()
        if summary.nuclei + summary.noNuclei == 0 {
            warnings.append(tissue.emptiness(hasBackground: units.withoutTissue > 0))
        }
        if brightness.isDark { warnings.append(brightness.warning) }
        if let nuclei = results.counts?.nuclei, pale >= Self.manyPale, pale > nuclei {
            warnings.append(
                "\(pale) objects are left out because they have hardly any hematoxylin, more than there are nuclei "
                    + "(\(nuclei)): the stain may be faded or another one")
        }
        return warnings
    }
}

extension FileError {
    /// No part of an image can be decoded; `problem` is the first error of its decoder.
    static func nothingReadable(_ image: FilePath, count: Int, _ problem: FileError?) -> FileError {
        FileError(
            image, expected: "parts that can be decoded",
            found: "none of \(count)" + (problem.map { " (\($0.problem))" } ?? ""))
    }
}

extension TissueSource {
    /// Why no pixel of an image has a probability.
    func emptiness(hasBackground: Bool) -> String {
        let reason =
            switch self {
            case .outline(let path, _): "the outline \(path) contains no pixel of the image"
            case .automatic where hasBackground: "no tissue was found (--tissue off processes everything)"
            case .automatic, .everywhere: "the image has no pixels under its windows"
            }
        return "nothing was processed, and the mask says nothing about nuclei: \(reason)"
    }
}

extension BrightnessSample {
    var warning: String {
        "very dark: \(pixels - bright) of \(pixels) sampled pixels are below a tenth of the range; "
            + "their samples may have fewer bits than the file states"
    }
}
