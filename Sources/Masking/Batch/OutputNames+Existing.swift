import Foundations

extension OutputNames {
    /// The mask of an image that exists: of the given name or, without one, of the usual one as PNG or TIFF, in the requested
    /// folder or else next to the image. Of masks with the usual names, one whose record names the image comes first. Throws
    /// `unreadable` where there is none.
    package func existingMask(_ name: String?, for image: FilePath) throws(FileError) -> FilePath {
        let besideImage = OutputNames()
        let candidates =
            name.map { [resolve($0, for: image), besideImage.resolve($0, for: image)] }
            ?? [self, besideImage].flatMap { names in
                // Where several images have the same name, masks have the whole names of files.
                [Self.placeholder, image.name].flatMap { stem in
                    ["png", "tif"].map { names.resolve("\(stem)_nuclei_mask.\($0)", for: image, isBeside: true) }
                }
            }
        func isOwn(_ path: FilePath) -> Bool {
            let record = MaskRecord(reading: MaskRecord.path(ofMask: path))
            return record.map { $0.otherImage(than: image) == nil } ?? false
        }
        if name == nil, let path = candidates.first(where: { $0.exists && isOwn($0) }) { return path }
        if let path = candidates.first(where: \.exists) { return path }
        throw FileError(candidates[0], .unreadable, "expected the mask of \(image), found no file; make it first")
    }
}
