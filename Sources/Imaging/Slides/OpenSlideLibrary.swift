import COpenSlide
import Foundations

/// The OpenSlide library, which is loaded when the first file that may be a slide is opened.
package enum OpenSlideLibrary {
    /// What was looked for and why it cannot be loaded; nil if the library is loaded.
    private static let problem: String? = cos_load().map { String(cString: $0) }

    /// Version of the library, such as "3.4.1"; nil if it cannot be loaded.
    package static let version: String? = problem == nil ? String(cString: openslide_get_version()) : nil

    /// Whether the library is older than version 4, the first that reads DICOM and CZI files.
    package static let isBefore4 = version?.hasPrefix("3.") ?? false

    /// Extensions of the slides that are TIFF files by their content.
    static let tiffExtensions: Set<String> = ["svs", "ndpi", "scn", "bif", "svslide"]
    /// Extensions of the files by which slides of several files are opened.
    static let indexExtensions: Set<String> = ["mrxs", "vms", "vmu"]
    /// Extensions of the slides that need version 4.
    package static let extensionsOfVersion4 = DICOMSeries.fileExtensions.union(["czi"])

    /// Extensions of the slides that the library reads, besides .tif. A library that cannot be loaded reads all of them:
    /// the images are then found, and fail.
    package static let fileExtensions =
        tiffExtensions.union(indexExtensions).union(isBefore4 ? [] : extensionsOfVersion4)

    /// Throws `unavailable` if the library, which a slide needs, cannot be loaded.
    static func require(for slide: FilePath) throws(FileError) {
        guard let problem else { return }
        throw FileError(
            slide, .unavailable,
            "expected OpenSlide, which reads slides, found no library that can be loaded (\(problem)); install the Debian "
                + "package libopenslide0 or the Python package openslide-bin, or set NUCLEI_OPENSLIDE to the path of the "
                + "library")
    }
}
