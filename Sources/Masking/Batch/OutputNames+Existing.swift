import Foundations

extension OutputNames {
    /// The mask of an image that exists: of the given name or, without one, of the usual one as PNG or TIFF, in the requested
    /// folder or else next to the image. Throws `unreadable` where there is none.
    package func existingMask(_ name: String?, for image: FilePath) throws(FileError) -> FilePath {
        let besideImage = OutputNames()
        let candidates =
            name.map { [resolve($0, for: image), besideImage.resolve($0, for: image)] }
            ?? [self, besideImage].flatMap { names in
                ["png", "tif"].map { names.resolve("\(Self.placeholder)_nuclei_mask.\($0)", for: image) }
            }
        if let path = candidates.first(where: \.exists) { return path }
        throw FileError(candidates[0], .unreadable, "expected the mask of \(image), found no file; make it first")
    }
}
